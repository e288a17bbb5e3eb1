//! Encrypted at rest: refresh tokens in the record, and a sign-in that goes on in a cookie.

use anyhow::{Context, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use shared::{Result, Secret};

/// The first key seals; the others still open what was sealed before a change of keys.
pub(crate) struct Seal(Vec<LessSafeKey>);

impl Seal {
    /// Keys of 32 bytes as base64, with commas between them.
    pub(crate) fn new(keys: &Secret<String>) -> Result<Self> {
        let keys = keys.expose().split(',').map(|key| {
            let bytes = BASE64_STANDARD.decode(key.trim()).context("SESSION_KEY is not base64")?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes);
            Ok(LessSafeKey::new(key.map_err(|_| anyhow!("SESSION_KEY: 32 bytes, as base64"))?))
        });
        Ok(Self(keys.collect::<anyhow::Result<_>>()?))
    }

    /// `about`: what it belongs to; with anything else it does not open.
    pub(crate) fn seal(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let random: [u8; NONCE_LEN] = random()?;
        let mut sealed = plain.to_vec();
        let key = self.0.first().context("no key")?;
        let nonce = Nonce::assume_unique_for_key(random);
        key.seal_in_place_append_tag(nonce, Aad::from(about), &mut sealed)
            .map_err(|_| anyhow!("cannot seal"))?;
        Ok([random.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        self.0.iter().find_map(|key| {
            let mut bytes = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce);
            let plain = key.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?;
            Some(plain.to_vec())
        })
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("no entropy"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use shared::Secret;

    use super::Seal;

    fn key(byte: u8) -> String {
        BASE64_STANDARD.encode([byte; 32])
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_for_what_it_belongs_to_and_nothing_else() {
        let seal = |keys: String| Seal::new(&Secret::new(keys)).unwrap();
        let (old, both, other) =
            (seal(key(1)), seal(format!("{}, {}", key(2), key(1))), seal(key(3)));
        let sealed = old.seal(b"mine", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(both.open(b"mine", &sealed).unwrap(), b"secret");
        assert_eq!(both.open(b"yours", &sealed), None);
        assert_eq!(other.open(b"mine", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(old.open(b"mine", &changed), None, "byte {at}");
        }
        assert!(Seal::new(&Secret::new("short".into())).is_err());
    }
}

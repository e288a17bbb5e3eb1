//! API keys: `cdr_`, the tenant, a secret of 256 bits, a checksum; all in letters and digits.
//!
//! The tenant's id is part of the key, so that the look-up runs inside that tenant like every other
//! statement and row-level security stays whole: who writes another tenant's id into a key finds
//! no row there. It is an identifier, not a secret. Kept is the SHA-256 of the whole key: a slow
//! hash protects what people choose and can be guessed; 256 random bits cannot be, and every
//! request would pay for it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Caller, Kind};
use crate::{App, Error, Result, Secret, digest};

pub const PREFIX: &str = "cdr_";
/// Lengths in base 62: 128 bits, 256 bits, 32 bits.
const TENANT: usize = 22;
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX.len() + TENANT + SECRET + CHECKSUM;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was just made, and what is kept of it.
pub struct Fresh {
    /// Shown once, kept nowhere.
    pub key: Secret<String>,
    pub lookup: String,
    pub digest: Vec<u8>,
    /// Its last characters: for people to tell keys apart.
    pub hint: String,
}

/// A new key of this tenant.
pub fn make(tenant: Uuid) -> Result<Fresh> {
    let body = format!("{PREFIX}{}{}", base62(tenant.as_u128(), TENANT), secret()?);
    let key = format!("{body}{}", checksum(&body));
    let (lookup, digest) = kept(&key);
    let hint = key[LENGTH - 4..].to_owned();
    Ok(Fresh { key: Secret::new(key), lookup, digest, hint })
}

/// The tenant that a well-formed key names. A typo ends here, without a look-up.
pub fn tenant(key: &str) -> Option<Uuid> {
    let plain = key.len() == LENGTH && key.is_ascii() && key.starts_with(PREFIX);
    let (body, sum) = plain.then(|| key.split_at(LENGTH - CHECKSUM))?;
    if checksum(body) != sum {
        return None;
    }
    number(&body[PREFIX.len()..PREFIX.len() + TENANT]).map(Uuid::from_u128)
}

const RESOLVE: &str = "
    -- auth::resolve_key
    select id, owner, sub, org_id, digest, permissions, created_at, expires_at
    from resolve_key($1, $2)";

/// Whom this key acts for, with no more than the key was given; their own ceiling comes after.
pub(super) async fn caller(app: App, key: &str) -> Result<Caller> {
    let tenant = tenant(key).ok_or(Error::InvalidToken)?;
    let (lookup, presented) = kept(key);
    let rows = app.db()?.call(tenant, RESOLVE, &[&lookup]).await?;
    let row = rows.first().ok_or(Error::InvalidToken)?;
    let digest: Vec<u8> = row.try_get("digest")?;
    verify_slices_are_equal(&digest, &presented).map_err(|_| Error::InvalidToken)?;
    let id: Uuid = row.try_get("id")?;
    let (made, ends): (Timestamp, Timestamp) =
        (row.try_get("created_at")?, row.try_get("expires_at")?);
    Ok(Caller {
        sub: row.try_get("sub")?,
        org_id: row.try_get("org_id")?,
        tenant,
        user: row.try_get("owner")?,
        kind: Kind::Key(id),
        permissions: row.try_get("permissions")?,
        client: None,
        admin_client: false,
        proof: Some(id.to_string()),
        issued: made.as_second(),
        expires: ends.as_second(),
        signed_in: None,
        factors: Vec::new(),
        acr: None,
    })
}

/// What a row has of a key: where to look, and what to compare.
fn kept(key: &str) -> (String, Vec<u8>) {
    let digest = Sha256::digest(key.as_bytes()).to_vec();
    (digest::sha256(key.as_bytes())[..16].to_owned(), digest)
}

/// 43 digits of base 62 are a little more than 256 bits. Bytes from 248 up are drawn again, so
/// that no digit is likelier than another.
fn secret() -> Result<String> {
    let mut text = String::with_capacity(SECRET);
    while text.len() < SECRET {
        let mut bytes = [0; 64];
        rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no random bytes"))?;
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let digits = fair.map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
        text.extend(digits.take(SECRET - text.len()));
    }
    Ok(text)
}

/// Not a secret: it tells a key from something that only looks like one.
fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let bytes = [digest[0], digest[1], digest[2], digest[3]];
    base62(u32::from_be_bytes(bytes).into(), CHECKSUM)
}

fn base62(mut number: u128, width: usize) -> String {
    let mut digits = vec![DIGITS[0]; width];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

fn number(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |number, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        number.checked_mul(62)?.checked_add(u128::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{LENGTH, make, tenant};

    #[test]
    fn a_key_names_its_tenant_and_no_two_are_alike() {
        for id in [Uuid::nil(), Uuid::max(), Uuid::new_v4()] {
            let (one, other) = (make(id).unwrap(), make(id).unwrap());
            assert_eq!(one.key.expose().len(), LENGTH);
            assert!(one.key.expose()[4..].chars().all(|c| c.is_ascii_alphanumeric()));
            assert_eq!(tenant(one.key.expose()), Some(id));
            assert_ne!(one.key.expose(), other.key.expose());
            assert_ne!(one.lookup, other.lookup);
            assert!(one.key.expose().ends_with(&one.hint));
        }
    }

    #[test]
    fn every_slip_of_one_character_is_noticed_without_a_look_up() {
        let key = make(Uuid::new_v4()).unwrap();
        let key = key.key.expose();
        for at in 0..key.len() {
            for other in ["0", "z", "_", "é", ""] {
                let slipped = format!("{}{other}{}", &key[..at], &key[at + 1..]);
                assert!(slipped == *key || tenant(&slipped).is_none(), "{at} {other}");
            }
        }
        assert!(tenant("").is_none());
        assert!(tenant(&format!("{key}0")).is_none());
    }
}

//! Refresh tokens rotate: each is good for one exchange. Who shows an old one shows that it was
//! stolen, by them or from them: the whole family ends.

use std::collections::HashMap;

use crate::oauth::Session;
use crate::sim::{now, secret};

#[derive(Default)]
pub(crate) struct Families {
    by_id: HashMap<String, Family>,
    /// Every token that was ever issued, its family and its place in it.
    tokens: HashMap<String, (String, u32)>,
    pub(crate) last: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) client: String,
    pub(crate) session: Session,
    pub(crate) organization: Option<String>,
    pub(crate) scope: String,
    pub(crate) audience: String,
    newest: u32,
    rotated: i64,
    revoked: bool,
}

impl Families {
    pub(crate) fn begin(
        &mut self,
        client: &str,
        session: &Session,
        organization: Option<String>,
        scope: &str,
        audience: &str,
    ) -> (String, String) {
        let id = secret();
        let family = Family {
            client: client.into(),
            session: session.clone(),
            organization,
            scope: scope.into(),
            audience: audience.into(),
            newest: 0,
            rotated: now(),
            revoked: false,
        };
        self.by_id.insert(id.clone(), family);
        let token = self.issue(&id, 0);
        (id, token)
    }

    /// The family, and the token that takes the place of this one; `None` if it is worth nothing.
    pub(crate) fn rotate(
        &mut self,
        client: &str,
        token: &str,
        overlap: i64,
    ) -> Option<(Family, String)> {
        let (id, place) = self.tokens.get(token)?.clone();
        let family = self.by_id.get_mut(&id)?;
        if family.revoked || family.client != client {
            return None;
        }
        let previous =
            place + 1 == family.newest && now() - family.rotated <= overlap && overlap > 0;
        if place != family.newest && !previous {
            family.revoked = true;
            return None;
        }
        family.newest += 1;
        family.rotated = now();
        let (family, newest) = (family.clone(), family.newest);
        Some((family, self.issue(&id, newest)))
    }

    pub(crate) fn revoke(&mut self, family: &str) {
        if let Some(family) = self.by_id.get_mut(family) {
            family.revoked = true;
        }
    }

    pub(crate) fn revoke_token(&mut self, token: &str) {
        if let Some((family, _)) = self.tokens.get(token).cloned() {
            self.revoke(&family);
        }
    }

    pub(crate) fn revoke_user(&mut self, user: &str) {
        for family in self.by_id.values_mut().filter(|family| family.session.user == user) {
            family.revoked = true;
        }
    }

    fn issue(&mut self, family: &str, place: u32) -> String {
        let token = format!("v1.{}", secret());
        self.tokens.insert(token.clone(), (family.to_owned(), place));
        self.last = Some(token.clone());
        token
    }
}

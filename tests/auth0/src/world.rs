//! Users, organizations, roles and clients, as `/api/v2` shows and changes them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub struct World {
    /// By `user_id`.
    pub users: BTreeMap<String, User>,
    /// By id.
    pub organizations: BTreeMap<String, Organization>,
    /// By id.
    pub roles: BTreeMap<String, Role>,
    pub(crate) clients: Vec<Client>,
}

pub struct User {
    /// What `/api/v2/users/{id}` shows.
    pub profile: Value,
    pub password: String,
    pub roles: BTreeSet<String>,
    /// Of which API, and which.
    pub permissions: BTreeSet<(String, String)>,
    /// Wrong passwords since the last right one; at ten, the account is blocked.
    pub failures: u32,
}

pub struct Organization {
    pub profile: Value,
    /// By user, with the roles they have here.
    pub members: BTreeMap<String, BTreeSet<String>>,
}

pub struct Role {
    pub profile: Value,
    pub permissions: BTreeSet<(String, String)>,
    /// Beside those: every permission there is of which this holds.
    pub rule: Option<fn(&str) -> bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    /// A client without one is public.
    pub(crate) secret: Option<String>,
    pub(crate) callbacks: Vec<String>,
    pub(crate) grants: &'static [&'static str],
}

/// Wrong passwords until an account is blocked.
pub(crate) const MOST_FAILURES: u32 = 10;

impl World {
    pub fn user_of(&self, email: &str) -> Option<&str> {
        let same = |user: &&User| user.profile["email"] == email;
        self.users.values().find(same).and_then(|user| user.profile["user_id"].as_str())
    }

    pub fn is_blocked(&self, user: &str) -> bool {
        self.users.get(user).is_none_or(|user| user.profile["blocked"] == true)
    }

    /// The organization a sign-in is for: the one that is asked for, or the first they belong to.
    pub(crate) fn organization_of(&self, user: &str, asked: &str) -> Option<String> {
        let belongs = |(id, org): &(&String, &Organization)| {
            org.members.contains_key(user)
                && (asked.is_empty() || *id == asked || org.profile["name"] == asked)
        };
        self.organizations.iter().find(belongs).map(|(id, _)| id.clone())
    }

    pub(crate) fn role_ids(&self, user: &str, organization: Option<&str>) -> BTreeSet<String> {
        let mut roles = self.users.get(user).map(|user| user.roles.clone()).unwrap_or_default();
        let here = organization.and_then(|id| self.organizations.get(id));
        roles.extend(here.and_then(|org| org.members.get(user)).cloned().unwrap_or_default());
        roles
    }

    /// By name, as an Action puts them into tokens.
    pub(crate) fn role_names(&self, user: &str, organization: Option<&str>) -> Vec<String> {
        let roles = self.role_ids(user, organization);
        let named = roles.iter().filter_map(|id| self.roles.get(id)?.profile["name"].as_str());
        named.map(str::to_owned).collect()
    }

    /// What an access token for `api` lists: the roles' and the user's own.
    pub(crate) fn permissions(
        &self,
        user: &str,
        organization: Option<&str>,
        api: &str,
        known: &[String],
    ) -> Vec<String> {
        let own = self.users.get(user).map(|user| user.permissions.clone()).unwrap_or_default();
        let roles = self.role_ids(user, organization);
        let roles: Vec<&Role> = roles.iter().filter_map(|id| self.roles.get(id)).collect();
        let granted = roles.iter().flat_map(|role| role.permissions.iter().cloned()).chain(own);
        let granted = granted.filter(|(of, _)| of == api).map(|(_, name)| name);
        let ruled = roles.iter().filter_map(|role| role.rule).flat_map(|rule| {
            known.iter().filter(move |name| rule(name)).cloned().collect::<Vec<_>>()
        });
        granted.chain(ruled).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub fn add_user(&mut self, id: &str, email: &str, password: &str) {
        let now = jiff::Timestamp::now().to_string();
        let profile = json!({
            "user_id": id, "email": email, "email_verified": true, "name": email,
            "nickname": email.split('@').next(), "blocked": false, "app_metadata": {},
            "identities": [{ "connection": "Username-Password-Authentication",
                "provider": id.split('|').next(), "user_id": id.split('|').nth(1),
                "isSocial": false }],
            "created_at": now, "updated_at": now,
        });
        let user = User {
            profile,
            password: password.to_owned(),
            roles: BTreeSet::new(),
            permissions: BTreeSet::new(),
            failures: 0,
        };
        self.users.insert(id.to_owned(), user);
    }

    pub fn add_organization(&mut self, id: &str, name: &str) {
        let profile = json!({ "id": id, "name": name, "display_name": name, "metadata": {} });
        let organization = Organization { profile, members: BTreeMap::new() };
        self.organizations.insert(id.to_owned(), organization);
    }

    pub fn add_role(&mut self, id: &str, name: &str, rule: Option<fn(&str) -> bool>) {
        let profile = json!({ "id": id, "name": name, "description": name });
        self.roles.insert(id.to_owned(), Role { profile, permissions: BTreeSet::new(), rule });
    }

    pub fn add_member(&mut self, organization: &str, user: &str, role: &str) {
        if let Some(organization) = self.organizations.get_mut(organization) {
            organization.members.entry(user.to_owned()).or_default().insert(role.to_owned());
        }
    }
}

//! The account page as HTML: forms and a table, no script. Everything that somebody else wrote is
//! escaped.

use std::fmt;

use jiff::Timestamp;

use crate::model::{SessionEntry, WhoAmI};

/// What asks the issuer for a second factor; in the address of the login route.
const STEP_UP: &str = "/auth/login?return_to=/account&amp;max_age=900&amp;\
    acr_values=http%3A%2F%2Fschemas.openid.net%2Fpape%2Fpolicies%2F2007%2F06%2Fmulti-factor";

/// Text as it stands between tags and in attributes.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => write!(f, "{other}"),
        })
    }
}

/// Without a session (a caller by token) there is nothing to press.
pub(crate) fn account(who: &WhoAmI, sessions: &[SessionEntry]) -> String {
    let name = who.email.as_deref().or(who.name.as_deref()).unwrap_or(&who.subject);
    let organization = who.organization_name.as_deref().unwrap_or(&who.organization_id);
    let csrf = who.session.as_ref().map(|session| session.csrf_token.as_str());
    let rows: String = sessions.iter().map(|entry| row(entry, csrf)).collect();
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your account · Cadre</title>
<link rel="stylesheet" href="/account/style.css">
</head>
<body>
<main>
<h1>Your account</h1>
<dl>
<dt>Signed in as</dt><dd id="who">{name}</dd>
<dt>Organization</dt><dd id="organization">{organization}</dd>
<dt>Roles</dt><dd id="roles">{roles}</dd>
<dt>Permissions</dt><dd id="permissions">{permissions}</dd>
<dt>Second factor</dt><dd id="factor">{factor}</dd>
</dl>
<h2 id="where">Where you are signed in</h2>
<table aria-labelledby="where">
<thead><tr><th scope="col">Browser</th><th scope="col">Since</th><th scope="col">Last seen</th><th scope="col">Sign out</th></tr></thead>
<tbody id="sessions">
{rows}</tbody>
</table>
<div class="actions">
{out}{everywhere}</div>
</main>
</body>
</html>
"#,
        name = Text(name),
        organization = Text(organization),
        roles = list(&who.roles),
        permissions = list(&who.permissions),
        factor = factor(who),
        out = form("/auth/logout", csrf, "out", "Sign out"),
        everywhere = form("/v1/sessions/revoke", csrf, "everywhere", "Sign out everywhere"),
    )
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    Text(&names.join(", ")).to_string()
}

fn factor(who: &WhoAmI) -> String {
    let shown = who.factors.iter().any(|factor| factor == "mfa");
    let at = who.signed_in_at.filter(|_| shown).map(time);
    let what = at.map_or_else(|| "not shown in this session".into(), |at| format!("shown at {at}"));
    format!(r#"{what} <a class="button" id="step-up" href="{STEP_UP}">Show a second factor</a>"#)
}

fn row(entry: &SessionEntry, csrf: Option<&str>) -> String {
    let end = if entry.current {
        "this browser".to_owned()
    } else {
        let to = format!("/v1/sessions/{}/revoke", entry.id);
        form(&to, csrf, &format!("end-{}", entry.id), "Sign out there")
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{end}</td></tr>\n",
        Text(&entry.agent),
        time(entry.started_at),
        time(entry.seen_at),
    )
}

/// One button; `id` tells screen readers and tests which.
fn form(to: &str, csrf: Option<&str>, id: &str, label: &str) -> String {
    let Some(csrf) = csrf else { return String::new() };
    format!(
        r#"<form method="post" action="{to}"><input type="hidden" name="csrf_token" value="{csrf}"><button id="{id}">{label}</button></form>
"#
    )
}

fn time(at: Timestamp) -> String {
    let text = at.strftime("%Y-%m-%d %H:%M UTC");
    format!(r#"<time datetime="{at}">{text}</time>"#)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::account;
    use crate::model::{Current, SessionEntry, WhoAmI};

    #[test]
    fn p12_what_somebody_wrote_is_text_on_the_page_and_never_markup() {
        let evil = r#""><script>alert('1')</script><img src=x onerror=alert(1)>&lt;"#.to_owned();
        let now = Timestamp::UNIX_EPOCH;
        let current = Current {
            id: Uuid::nil(),
            started_at: now,
            fresh_until: now,
            until: now,
            csrf_token: "token".into(),
        };
        let mut who = WhoAmI {
            subject: evil.clone(),
            email: None,
            name: None,
            organization_id: evil.clone(),
            organization_name: None,
            roles: vec![evil.clone()],
            permissions: vec![evil.clone()],
            factors: vec![evil.clone()],
            signed_in_at: None,
            session: Some(current),
        };
        let entry = SessionEntry {
            id: Uuid::nil(),
            agent: evil.clone(),
            started_at: now,
            seen_at: now,
            until: now,
            second_factor: false,
            current: false,
        };
        let bare = account(&who, &[]);
        who.email = Some(evil.clone());
        who.name = Some(evil.clone());
        who.organization_name = Some(evil);
        let whole = account(&who, &[entry]);
        for html in [&bare, &whole] {
            for mark in ["<script", "<img", "onerror=alert(1)>", "alert('1')"] {
                assert!(!html.contains(mark), "{mark}");
            }
            assert!(html.contains("&amp;lt;"), "what looks escaped is escaped again");
            assert!(!html.contains("style=") && !html.contains("<style"), "nothing inline");
        }
        who.session = None;
        assert!(!account(&who, &[]).contains("<form"), "nothing to press without a session");
    }
}

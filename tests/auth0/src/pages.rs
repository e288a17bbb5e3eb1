//! Its pages: plain forms, readable without a script or a style.

use axum::response::Html;

use crate::people::{OTP, PASSWORD};

pub(crate) fn login(state: &str, email: &str, problem: &str) -> Html<String> {
    page(
        "Sign in",
        problem,
        &format!(
            r#"<form method="post" action="/u/login?state={state}">
<p><label>Email <input type="email" name="username" id="username" value="{}" autocomplete="username" required autofocus></label></p>
<p><label>Password <input type="password" name="password" id="password" autocomplete="current-password" required></label></p>
<p><button type="submit">Continue</button></p>
</form>
<p>This plays Auth0 on your own machine: ada, bob and eve @example.test have the password “{PASSWORD}”.</p>"#,
            escape(email),
            state = escape(state),
        ),
    )
}

pub(crate) fn second(state: &str, problem: &str) -> Html<String> {
    page(
        "Verify your identity",
        problem,
        &format!(
            r#"<form method="post" action="/u/mfa-otp-challenge?state={state}">
<p><label>One-time code <input name="code" id="code" inputmode="numeric" autocomplete="one-time-code" required autofocus></label></p>
<p><button type="submit">Continue</button></p>
</form>
<p>Here the code is always {OTP}.</p>"#,
            state = escape(state),
        ),
    )
}

pub(crate) fn error(what: &str) -> Html<String> {
    page("That did not work", what, "")
}

pub(crate) fn signed_out() -> Html<String> {
    page("Signed out", "", "")
}

fn page(title: &str, problem: &str, body: &str) -> Html<String> {
    let problem = if problem.is_empty() {
        String::new()
    } else {
        format!(r#"<p role="alert">{problem}</p>"#)
    };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <main><h1>{title}</h1>{problem}{body}</main></html>"
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

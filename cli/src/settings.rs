//! What was set: by option, by variable, by file, by the last sign-in, in this order. The only file
//! of this crate that reads the environment.
#![expect(clippy::disallowed_methods, reason = "this is the one file that may")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use jiff::Timestamp;
use serde::Deserialize;

use crate::args::Common;
use crate::failure::{Failure, Result};
use crate::http::Secret;
use crate::store;

/// `config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) api: Option<String>,
    /// Where runs are streamed, if that is not where the API is.
    pub(crate) stream: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) port: Option<u16>,
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// `$XDG_CONFIG_HOME/cadre`, or `~/.config/cadre`.
pub(crate) fn folder() -> Result<PathBuf> {
    let base = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = variable("HOME").map(|home| Path::new(&home).join(".config"));
    let base =
        base.or(home).ok_or_else(|| Failure::usage("neither XDG_CONFIG_HOME nor HOME is set"));
    Ok(base?.join("cadre"))
}

pub(crate) fn file() -> Result<File> {
    let path = folder()?.join("config.toml");
    match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
        Err(error) => Err(Failure::usage(format!("{}: {error}", path.display()))),
    }
}

/// The address of the API, and the token that is sent there.
pub(crate) fn api(common: &Common) -> Result<(String, Option<Secret>)> {
    let named = named_api(common)?;
    let given = common.token.clone().or_else(|| variable("CADRE_TOKEN")).map(Secret);
    // A line break of a file that was pasted, or worse: no header can carry it.
    if given.as_ref().is_some_and(|given| !is_token(&given.0)) {
        return Err(Failure::usage("the token has blanks or is empty: copy it again"));
    }
    if let (Some(api), Some(_)) = (&named, &given) {
        return Ok((address(api)?, given));
    }
    let saved = store::read(&folder()?)?;
    let api = named.or_else(|| saved.as_ref().map(|saved| saved.api.clone())).ok_or_else(|| {
        Failure::usage("no API is named")
            .next("give --api URL, set CADRE_API, or `cadre login --api URL` once")
    })?;
    let api = address(&api)?;
    let Some(saved) = saved.filter(|_| given.is_none()) else { return Ok((api, given)) };
    // A token goes where it was got for, and nowhere else.
    if saved.api != api {
        return Err(Failure::new(format!("you are signed in at {}, not at {api}", saved.api))
            .next(format!("cadre login --api {api}")));
    }
    if saved.expires_at.is_some_and(|end| end <= now()) {
        return Err(Failure::new("your sign-in has ended").next("cadre login"));
    }
    Ok((api, Some(Secret(saved.access_token))))
}

/// Where runs are streamed, if that was set: by option, variable or file.
pub(crate) fn stream(common: &Common) -> Result<Option<String>> {
    let named = match common.stream.clone().or_else(|| variable("CADRE_STREAM")) {
        Some(named) => Some(named),
        None => file()?.stream,
    };
    named.map(|named| address(&named)).transpose()
}

/// The address by option, variable or file.
pub(crate) fn named_api(common: &Common) -> Result<Option<String>> {
    match common.api.clone().or_else(|| variable("CADRE_API")) {
        Some(named) => Ok(Some(named)),
        None => Ok(file()?.api),
    }
}

/// This machine's clock: good enough to know that a token has ended.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// TLS, or this machine: a token is not sent in the clear.
pub(crate) fn address(url: &str) -> Result<String> {
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']))
    else {
        return Err(Failure::usage(format!("`{url}` is no address such as https://cadre.example")));
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let near = ["127.0.0.1", "localhost", "[::1]"].contains(&host) || authority == "[::1]";
    if url.starts_with("http://") && !near {
        return Err(Failure::usage(format!(
            "`{url}` would send your token in the clear: use https"
        )));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_token_is_not_sent_in_the_clear_or_to_a_disguised_host() {
        for good in
            ["https://cadre.example/", "http://127.0.0.1:8080", "http://[::1]:1", "http://[::1]"]
        {
            assert_eq!(address(good).unwrap(), good.trim_end_matches('/'));
        }
        for bad in [
            "http://cadre.example",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost:80@evil.example",
            "cadre.example",
            "https://",
            "ftp://127.0.0.1",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}

//! Whether a caller may do what a row says: no, unless everything the row asks for is there.

use super::{Caller, Kind};
use crate::table::{Access, Callers};
use crate::{Error, Result};

/// How long ago a second factor may have been shown, in seconds (RFC 9470).
const STEP_UP_SECONDS: i64 = 15 * 60;

/// `now` in seconds of Unix time. Permissions must already be narrowed to the tenant's ceiling.
pub fn permit(access: &Access, caller: &Caller, now: i64) -> Result<()> {
    let person = caller.kind == Kind::Person;
    match access.callers {
        Callers::People if !person => {
            return Err(forbidden("this is for people: sign in, a machine cannot do it"));
        }
        Callers::Machines if person => {
            return Err(forbidden("this is for machines: use client credentials or an API key"));
        }
        Callers::Anyone | Callers::People | Callers::Machines => {}
    }
    let Some(permission) = &access.permission else {
        return Err(forbidden("this route names no permission, so nobody may use it"));
    };
    if !caller.may(permission) {
        return Err(Error::Forbidden(format!("this needs the permission `{permission}`")));
    }
    if !access.mfa {
        return Ok(());
    }
    if !person {
        return Err(forbidden("this needs a person with a second factor: a machine cannot do it"));
    }
    if !caller.admin_client {
        return Err(forbidden("this needs a client that is registered for administration"));
    }
    if stepped_up(caller, now) { Ok(()) } else { Err(Error::StepUp) }
}

fn stepped_up(caller: &Caller, now: i64) -> bool {
    let recent = |at: i64| at <= now && now - at <= STEP_UP_SECONDS;
    caller.signed_in.is_some_and(recent) && caller.factors.iter().any(|factor| factor == "mfa")
}

fn forbidden(detail: &str) -> Error {
    Error::Forbidden(detail.into())
}

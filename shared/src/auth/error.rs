//! Why a caller was refused: a closed list. The log is told which; the caller never is.

use crate::Error;

/// Every reason there is. None carries a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    NoCredential,
    TwoCredentials,
    NotBearer,
    /// Over a limit of size, checked before anything is decoded.
    TooLarge,
    /// Not three parts of unpadded base64url.
    Form,
    /// Header or payload is not JSON as we take it: a name twice, too deep, too many names.
    Json,
    /// The header asks for what we do not do: `crit`, `b64`, `zip`, `enc`.
    HeaderParameter,
    AlgNotAllowed,
    TypNotAllowed,
    KeyId,
    UnknownIssuer,
    UnknownKey,
    /// There are no keys to verify with: nobody's fault who calls.
    KeysUnavailable,
    Signature,
    Expired,
    NotYetValid,
    IssuedInFuture,
    /// It lives longer than a token may, or was issued too long ago.
    Lifetime,
    Audience,
    /// An ID token or a logout token.
    NotAnAccessToken,
    /// Verified, but issued to a client that may not call.
    ClientNotAllowed,
    /// It was good, and has been taken back: see `revocation`.
    Revoked,
    /// A claim that must be there is not, or is not of its type.
    Claim(Claim),
}

/// The claims that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    Iss,
    Aud,
    Sub,
    Exp,
    Nbf,
    Iat,
    Jti,
    OrgId,
    Azp,
    Gty,
    Permissions,
    AuthTime,
    Acr,
}

impl AuthError {
    /// As it stands in the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::TwoCredentials => "two_credentials",
            Self::NotBearer => "not_bearer",
            Self::TooLarge => "too_large",
            Self::Form => "form",
            Self::Json => "json",
            Self::HeaderParameter => "header_parameter",
            Self::AlgNotAllowed => "alg_not_allowed",
            Self::TypNotAllowed => "typ_not_allowed",
            Self::KeyId => "kid",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey => "unknown_key",
            Self::KeysUnavailable => "keys_unavailable",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::Lifetime => "lifetime",
            Self::Audience => "audience",
            Self::NotAnAccessToken => "not_an_access_token",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::Revoked => "revoked",
            Self::Claim(claim) => claim.code(),
        }
    }

    /// Writes the reason down, and leaves what may be said.
    pub(crate) fn logged(self) -> Error {
        tracing::info!(auth.reason = self.code(), "caller refused");
        self.into()
    }
}

impl Claim {
    fn code(self) -> &'static str {
        match self {
            Self::Iss => "claim_iss",
            Self::Aud => "claim_aud",
            Self::Sub => "claim_sub",
            Self::Exp => "claim_exp",
            Self::Nbf => "claim_nbf",
            Self::Iat => "claim_iat",
            Self::Jti => "claim_jti",
            Self::OrgId => "claim_org_id",
            Self::Azp => "claim_azp",
            Self::Gty => "claim_gty",
            Self::Permissions => "claim_permissions",
            Self::AuthTime => "claim_auth_time",
            Self::Acr => "claim_acr",
        }
    }
}

impl From<AuthError> for Error {
    fn from(reason: AuthError) -> Self {
        match reason {
            AuthError::NoCredential => Self::Unauthenticated,
            AuthError::KeysUnavailable => {
                Self::Unavailable(anyhow::anyhow!("there are no keys to verify tokens with"))
            }
            AuthError::ClientNotAllowed => {
                Self::Forbidden("this client may not call here: use one that is registered".into())
            }
            _ => Self::InvalidToken,
        }
    }
}

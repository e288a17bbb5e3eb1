//! `GET /scim/v2/ServiceProviderConfig`: what of SCIM is there.

use serde_json::{Value, json};
use shared::Result;
use shared::http::Scim;

use crate::model::LARGEST_PAGE;

#[expect(clippy::unused_async, reason = "every handler is, whether it waits or not")]
pub async fn handle() -> Result<Scim<Value>> {
    Ok(Scim::ok(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": LARGEST_PAGE },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "API key", "primary": true,
            "description": "An API key with the permissions provisioning:read and provisioning:write",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig",
        },
    })))
}

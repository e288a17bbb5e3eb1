//! How `/api/v2` answers: pages, and errors with a status, a sentence and a code.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::form::Form;

pub(super) type Answer<T = Json<Value>> = Result<T, Refused>;

pub(super) struct Refused(Value);

impl Refused {
    pub(super) fn new(status: u16, error: &str, message: &str, code: &str) -> Self {
        let (status, error) = (json!(status), json!(error));
        Self(json!({ "statusCode": status, "error": error, "message": message, "errorCode": code }))
    }

    pub(super) fn missing(message: &str) -> Self {
        Self::new(404, "Not Found", message, "inexistent_resource")
    }

    pub(super) fn user() -> Self {
        Self::new(404, "Not Found", "The user does not exist.", "inexistent_user")
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::new(400, "Bad Request", message, "invalid_body")
    }

    pub(super) fn conflict(message: &str, code: &str) -> Self {
        Self::new(409, "Conflict", message, code)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.0["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
        let status = status.and_then(|code| StatusCode::from_u16(code).ok());
        (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Json(self.0)).into_response()
    }
}

/// A page: by number with `page` and `per_page`, or by checkpoint with `take` and `from`.
pub(super) fn page(query: Option<String>, name: &str, all: Vec<Value>) -> Json<Value> {
    let query = Form::of(&query.unwrap_or_default());
    let number = |field: &str, default: usize| query.get(field).parse().unwrap_or(default);
    let total = all.len();
    if !query.get("take").is_empty() {
        let (from, take) = (number("from", 0), number("take", 50).clamp(1, 100));
        let items: Vec<Value> = all.into_iter().skip(from).take(take).collect();
        let mut answer = json!({ name: items });
        if from + take < total {
            answer["next"] = (from + take).to_string().into();
        }
        return Json(answer);
    }
    let size = number("per_page", 50).clamp(1, 100);
    let start = number("page", 0) * size;
    let items: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    if query.get("include_totals") != "true" {
        return Json(items.into());
    }
    let length = items.len();
    Json(json!({
        "start": start, "limit": size, "length": length, "total": total, name: items,
    }))
}

/// A list of texts in a body, such as `{ "roles": ["…"] }`.
pub(super) fn texts(body: &Value, name: &str) -> Answer<Vec<String>> {
    let list = body[name].as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Refused::invalid("Payload validation error"))?;
    Ok(list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
}

/// `{ "permissions": [{ "resource_server_identifier": …, "permission_name": … }] }`.
pub(super) fn permissions(body: &Value) -> Answer<Vec<(String, String)>> {
    let list = body["permissions"].as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Refused::invalid("Payload validation error"))?;
    let text = |item: &Value, name: &str| item[name].as_str().map(str::to_owned);
    let pair = |item: &Value| {
        Some((text(item, "resource_server_identifier")?, text(item, "permission_name")?))
    };
    list.iter()
        .map(|item| pair(item).ok_or_else(|| Refused::invalid("Payload validation error")))
        .collect()
}

pub(super) fn told<'a>(permissions: impl IntoIterator<Item = &'a (String, String)>) -> Vec<Value> {
    let one = |(api, name): &(String, String)| {
        json!({
            "permission_name": name, "description": name,
            "resource_server_identifier": api, "resource_server_name": api,
        })
    };
    permissions.into_iter().map(one).collect()
}

/// Replaces fields of a profile; those of `app_metadata` and its like are merged, null removes.
pub(super) fn merge(profile: &mut Value, change: &Value) {
    for (name, value) in change.as_object().into_iter().flatten() {
        let merged = ["app_metadata", "user_metadata"].contains(&name.as_str());
        match (value, profile[name].as_object_mut()) {
            (Value::Object(new), Some(old)) if merged => {
                for (key, value) in new {
                    if value.is_null() {
                        old.remove(key);
                    } else {
                        old.insert(key.clone(), value.clone());
                    }
                }
            }
            _ => profile[name] = value.clone(),
        }
    }
}

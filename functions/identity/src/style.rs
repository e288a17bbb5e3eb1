//! `GET /account/style.css`: how the account page looks.

use shared::Result;
use shared::http::Sheet;

const SHEET: &str = include_str!("style.css");

#[expect(clippy::unused_async, reason = "every handler is async")]
pub async fn handle() -> Result<Sheet> {
    Ok(Sheet(SHEET))
}

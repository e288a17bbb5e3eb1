//! As much of the `WebDriver` protocol of W3C as a person needs: open, look, type, press.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// The key under which an element's id is given, by the standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const PATIENCE: Duration = Duration::from_secs(30);

/// Chromedriver, which ends with this.
pub(crate) struct Driver {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Driver {
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let said = BufReader::new(child.stdout.take().context("piped")?).lines();
        let port = said
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ").map(|(_, port)| port.to_owned())
            })
            .context("chromedriver names no port")?;
        let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        Ok(Self { child, url, client: reqwest::Client::new() })
    }

    /// A profile of its own, as on another computer.
    pub(crate) async fn browser(&self, profile: PathBuf) -> Result<Browser<'_>> {
        // Its sandbox wants rights that containers and root lack; it only meets our own pages here.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=900,820",
            "--force-prefers-reduced-motion",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let options = json!({ "args": arguments });
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let body = json!({ "capabilities": { "alwaysMatch": wanted } });
        let begun = self.send("POST", "/session", Some(&body)).await?;
        let session = begun["sessionId"].as_str().context("no session")?.to_owned();
        Ok(Browser { driver: self, session, profile })
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.client.request(method.parse()?, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.timeout(PATIENCE).send().await?;
        let ok = answer.status().is_success();
        let value: Value = answer.json().await?;
        ensure!(ok, "{method} {path}: {}", value["value"]["message"]);
        Ok(value["value"].clone())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Browser<'a> {
    driver: &'a Driver,
    session: String,
    profile: PathBuf,
}

impl Browser<'_> {
    async fn send(&self, method: &str, what: &str, body: Option<&Value>) -> Result<Value> {
        self.driver.send(method, &format!("/session/{}{what}", self.session), body).await
    }

    pub(crate) async fn open(&self, url: &str) -> Result<()> {
        self.send("POST", "/url", Some(&json!({ "url": url }))).await.map(drop)
    }

    pub(crate) async fn address(&self) -> Result<String> {
        let url = self.send("GET", "/url", None).await?;
        url.as_str().map(str::to_owned).context("no address")
    }

    /// Waits for an element to be there: pages come when they come.
    async fn element(&self, css: &str) -> Result<String> {
        let query = json!({ "using": "css selector", "value": css });
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Ok(found) = self.send("POST", "/element", Some(&query)).await {
                return found[ELEMENT].as_str().map(str::to_owned).context("no element");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("no {css} on {}", self.address().await?)
    }

    pub(crate) async fn text(&self, css: &str) -> Result<String> {
        let element = self.element(css).await?;
        let text = self.send("GET", &format!("/element/{element}/text"), None).await?;
        text.as_str().map(str::to_owned).context("no text")
    }

    pub(crate) async fn write(&self, css: &str, text: &str) -> Result<()> {
        let element = self.element(css).await?;
        let body = json!({ "text": text });
        self.send("POST", &format!("/element/{element}/value"), Some(&body)).await.map(drop)
    }

    /// Without a mouse: the focus goes there, and Enter is pressed.
    pub(crate) async fn enter(&self, css: &str) -> Result<()> {
        self.write(css, "\u{e007}").await
    }

    pub(crate) async fn count(&self, css: &str) -> Result<usize> {
        let query = json!({ "using": "css selector", "value": css });
        let found = self.send("POST", "/elements", Some(&query)).await?;
        Ok(found.as_array().map_or(0, Vec::len))
    }

    /// What the page's own script engine says; for looking, not for doing.
    pub(crate) async fn evaluate(&self, script: &str) -> Result<Value> {
        let body = json!({ "script": script, "args": [] });
        self.send("POST", "/execute/sync", Some(&body)).await
    }

    pub(crate) async fn cookies(&self) -> Result<Value> {
        self.send("GET", "/cookie", None).await
    }

    pub(crate) async fn picture(&self) -> Result<Vec<u8>> {
        use base64::Engine;
        let picture = self.send("GET", "/screenshot", None).await?;
        Ok(base64::prelude::BASE64_STANDARD.decode(picture.as_str().unwrap_or_default())?)
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.send("DELETE", "", None).await?;
        // Its last processes may still write there; what stays is the system's to clean.
        let _ = std::fs::remove_dir_all(&self.profile);
        Ok(())
    }
}

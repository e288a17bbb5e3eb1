//! Ada, at two computers.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use auth0::{OTP, PASSWORD};
use tests::desk::Desk;
use tokio::net::TcpListener;

use crate::driver::{Browser, Driver};

const ADA: &str = "ada@example.test";

pub(crate) async fn works(program: &Path) -> Result<()> {
    // As in life: the issuer is another site than we. On `localhost` browsers take cookies that are
    // for TLS only over plain HTTP too.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    let desk = Desk::open(&url)?;
    let router = desk.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let driver = Driver::start(program)?;
    let laptop = driver.browser(profile("laptop")).await?;
    let phone = driver.browser(profile("phone")).await?;
    for browser in [&laptop, &phone] {
        sign_in(browser, &url).await?;
    }
    laptop.open(&format!("{url}/account")).await?;
    page_is_right(&laptop).await?;
    step_up(&laptop).await?;
    keep_picture(&laptop).await?;
    sign_out_there(&laptop, &phone, &url).await?;
    sign_in(&phone, &url).await?;
    // The second of a sign-out counts as after it: here everything happens within one.
    desk.auth0.sim.age_sessions(60);
    sign_out_everywhere(&laptop, &phone, &url).await?;
    laptop.close().await?;
    phone.close().await
}

fn profile(name: &str) -> PathBuf {
    env::temp_dir().join(format!("cadre-{name}-{}", std::process::id()))
}

/// From the page that is wanted, through the issuer's real login page, and back to it.
async fn sign_in(browser: &Browser<'_>, url: &str) -> Result<()> {
    browser.open(&format!("{url}/account")).await?;
    // Whoever signed out here only is still known at the issuer, which then does not ask.
    if !browser.address().await?.starts_with(url) {
        browser.write("#username", ADA).await?;
        browser.write("#password", PASSWORD).await?;
        browser.enter("#password").await?;
    }
    ensure!(browser.text("#who").await? == ADA, "somebody else is signed in");
    let address = browser.address().await?;
    ensure!(address == format!("{url}/account"), "the sign-in leads to {address}");
    Ok(())
}

async fn page_is_right(browser: &Browser<'_>) -> Result<()> {
    ensure!(browser.text("#organization").await? == "demo");
    ensure!(browser.text("#roles").await? == "tenant admin");
    ensure!(browser.text("#permissions").await?.contains("agents:write"));
    ensure!(browser.text("#factor").await?.starts_with("not shown in this session"));
    ensure!(browser.count("#sessions tr").await? == 2, "the laptop and the phone");
    ensure!(browser.count("script, style, [style]").await? == 0, "nothing inline");

    let cookies = browser.cookies().await?;
    let session = cookies.as_array().into_iter().flatten();
    let session = session.into_iter().find(|cookie| cookie["name"] == "__Host-session");
    let session = session.context("no session cookie")?;
    ensure!(session["httpOnly"] == true && session["secure"] == true, "{session}");
    ensure!(session["sameSite"] == "Lax" && session["path"] == "/", "{session}");
    ensure!(browser.evaluate("return document.cookie").await? == "", "a script can see a cookie");
    let styled = "return getComputedStyle(document.body).maxWidth !== 'none'";
    ensure!(browser.evaluate(styled).await? == true, "the style sheet was not applied");
    // All that can be pressed can be reached with the keyboard, and has a name.
    let named = "return [...document.querySelectorAll('a, button')].every(one => \
                 one.tabIndex === 0 && one.textContent.trim() !== '')";
    ensure!(browser.evaluate(named).await? == true);
    let language = "return document.documentElement.lang + document.querySelectorAll('h1').length";
    ensure!(browser.evaluate(language).await? == "en1");
    Ok(())
}

async fn step_up(browser: &Browser<'_>) -> Result<()> {
    browser.enter("#step-up").await?;
    browser.write("#code", OTP).await?;
    browser.enter("#code").await?;
    let factor = browser.text("#factor time").await?;
    ensure!(factor.ends_with("UTC"), "{factor}");
    ensure!(browser.count("#sessions tr").await? == 2, "it took the place of the one before");
    Ok(())
}

async fn sign_out_there(laptop: &Browser<'_>, phone: &Browser<'_>, url: &str) -> Result<()> {
    let cookie = cookie(phone).await?;
    ensure!(status(url, &cookie).await? == 200, "the phone's session goes on");
    laptop.enter("#sessions form button").await?;
    let since = Instant::now();
    while status(url, &cookie).await? != 401 {
        ensure!(since.elapsed() < Duration::from_secs(5), "the phone is still signed in");
    }
    laptop.open(&format!("{url}/account")).await?;
    ensure!(laptop.count("#sessions tr").await? == 1, "the laptop is left");
    Ok(())
}

async fn sign_out_everywhere(laptop: &Browser<'_>, phone: &Browser<'_>, url: &str) -> Result<()> {
    let cookies = [cookie(laptop).await?, cookie(phone).await?];
    laptop.enter("#everywhere").await?;
    let since = Instant::now();
    for cookie in &cookies {
        while status(url, cookie).await? != 401 {
            ensure!(since.elapsed() < Duration::from_secs(5), "somebody is still signed in");
        }
    }
    // Whatever either opens now, the issuer asks for the password.
    laptop.text("label").await?;
    for browser in [laptop, phone] {
        browser.open(&format!("{url}/account")).await?;
        browser.text("#password").await?;
        let address = browser.address().await?;
        ensure!(!address.starts_with(url), "{address} was opened without a password");
    }
    Ok(())
}

/// What a browser holds, as a thief would have it.
async fn cookie(browser: &Browser<'_>) -> Result<String> {
    let cookies = browser.cookies().await?;
    let session = cookies.as_array().into_iter().flatten();
    let mut session = session.filter(|cookie| cookie["name"] == "__Host-session");
    let value = session.next().and_then(|cookie| cookie["value"].as_str()).context("no cookie")?;
    Ok(format!("__Host-session={value}"))
}

async fn status(url: &str, cookie: &str) -> Result<u16> {
    let request = reqwest::Client::new().get(format!("{url}/v1/session")).header("cookie", cookie);
    Ok(request.header("accept", "application/json").send().await?.status().as_u16())
}

/// For docs/security, when it is asked for.
async fn keep_picture(browser: &Browser<'_>) -> Result<()> {
    if let Some(folder) = env::var_os("SHOTS") {
        fs::write(Path::new(&folder).join("account.png"), browser.picture().await?)?;
    }
    Ok(())
}

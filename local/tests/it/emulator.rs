//! Functions and state machines in the emulator, with a stand-in for the host behind them.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use local::{
    emulator::{self, Source},
    http,
    stack::{Part, Stack},
};
use serde_json::{Value, json};

use crate::own::Own;

const TABLE: &str = r#"{
    "things-greet": { "task": "Greet", "uses": [], "memory": 128, "timeout": 20 },
    "things-stumble": { "task": "Fail at first", "uses": [], "memory": 128, "timeout": 20 },
    "things-refuse": { "route": "POST /v1/things", "uses": [], "memory": 128, "timeout": 20 }
}"#;

/// Three at once; each stumbles once, by a name that is tried again; then a refusal, by a name that is caught.
const MACHINE: &str = r#"{
    "QueryLanguage": "JSONata",
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "Items": "{% $states.input.names %}",
            "ItemSelector": { "name": "{% $states.context.Map.Item.Value %}" },
            "MaxConcurrency": 3,
            "ItemProcessor": {
                "ProcessorConfig": { "Mode": "INLINE" },
                "StartAt": "Stumble",
                "States": {
                    "Stumble": {
                        "Type": "Task",
                        "Resource": "${things_stumble}",
                        "Arguments": {
                            "name": "{% $states.input.name %}",
                            "run": "{% $states.context.Execution.Name %}",
                            "attempt": "{% $states.context.State.RetryCount %}"
                        },
                        "TimeoutSeconds": 20,
                        "Retry": [{ "ErrorEquals": ["Unavailable"], "IntervalSeconds": 1, "MaxAttempts": 2, "JitterStrategy": "FULL" }],
                        "Output": "{% $states.result %}",
                        "End": true
                    }
                }
            },
            "Next": "Refuse"
        },
        "Refuse": {
            "Type": "Task",
            "Resource": "${things_refuse}",
            "Arguments": { "greeted": "{% $states.input %}" },
            "TimeoutSeconds": 20,
            "Retry": [{ "ErrorEquals": ["Unavailable"], "MaxAttempts": 2 }],
            "Catch": [{ "ErrorEquals": ["Conflict"], "Output": "{% $states.errorOutput.Error %}", "Next": "Done" }],
            "End": true
        },
        "Done": { "Type": "Pass", "End": true, "Output": "{% {\"caught\": $states.input} %}" }
    }
}"#;

#[test]
fn a_state_machine_runs_functions_of_the_host_and_tells_their_errors_apart_by_name() -> Result<()> {
    let own = Own::new("emulator");
    let stack = Stack::up(&own.options(&[Part::Emulator]))?;
    let host = Host::start()?;
    let root = stack.paths().stack.join("checkout");
    fs::create_dir_all(root.join("functions/things/workflows"))?;
    fs::write(root.join("functions/things/functions.json"), TABLE)?;
    fs::write(root.join("functions/things/workflows/run.asl.json"), MACHINE)?;

    let endpoint = stack.var("AWS_ENDPOINT_URL")?;
    let forwarder = Path::new(env!("CARGO_BIN_EXE_forwarder"));
    let source = Source::read(&root)?;
    let register = || emulator::register(endpoint, &source, forwarder, &host.url);
    let registered = register()?;
    assert_eq!(register()?.machines, registered.machines, "a second registration is the same");

    let output =
        execute(endpoint, &registered.machines["run"], &json!({ "names": ["a", "b", "c"] }))?;
    assert_eq!(output, json!({ "caught": "Conflict" }));

    let calls = host.calls.lock().map_err(|_| anyhow::anyhow!("the host died"))?;
    let stumbles: Vec<&Value> = calls["things-stumble"].iter().collect();
    assert_eq!(stumbles.len(), 6, "{stumbles:?}");
    for name in ["a", "b", "c"] {
        let attempts: Vec<&Value> = stumbles
            .iter()
            .filter(|event| event["name"] == name)
            .map(|event| &event["attempt"])
            .collect();
        assert_eq!(attempts, [&json!(0), &json!(1)]);
    }
    assert!(stumbles.iter().all(|event| event["run"] == "one-run"), "{stumbles:?}");
    assert_eq!(calls["things-refuse"].len(), 1);
    Ok(())
}

#[test]
fn a_host_that_is_gone_is_an_error_with_a_name_and_nothing_hangs() -> Result<()> {
    let own = Own::new("no-host");
    let stack = Stack::up(&own.options(&[Part::Emulator]))?;
    let root = stack.paths().stack.join("checkout");
    fs::create_dir_all(root.join("functions/things"))?;
    fs::write(root.join("functions/things/functions.json"), TABLE)?;
    let endpoint = stack.var("AWS_ENDPOINT_URL")?;
    let forwarder = Path::new(env!("CARGO_BIN_EXE_forwarder"));
    emulator::register(endpoint, &Source::read(&root)?, forwarder, &stack.host_url()?)?;

    let url = format!("{endpoint}/2015-03-31/functions/things-greet/invocations");
    let headers = [("authorization", &*emulator::authorization("lambda"))];
    let reply = http::post(&http::agent(Duration::from_secs(20)), &url, &headers, b"{}")?;
    assert_eq!(reply.headers("x-amz-function-error").next(), Some("Unhandled"));
    assert_eq!(reply.json()?["errorType"], "Unavailable");
    Ok(())
}

/// Runs a machine to its end.
fn execute(endpoint: &str, arn: &str, input: &Value) -> Result<Value> {
    let agent = http::agent(Duration::from_secs(10));
    let call = |operation: &str, body: &Value| {
        let target = format!("AWSStepFunctions.{operation}");
        let headers = [
            ("authorization", &*emulator::authorization("states")),
            ("x-amz-target", &target),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        http::post(&agent, endpoint, &headers, body.to_string().as_bytes())?.json()
    };
    let start = json!({ "stateMachineArn": arn, "name": "one-run", "input": input.to_string() });
    let execution = call("StartExecution", &start)?["executionArn"].clone();
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(30) {
        let now = call("DescribeExecution", &json!({ "executionArn": execution }))?;
        match now["status"].as_str() {
            Some("RUNNING") => thread::sleep(Duration::from_millis(20)),
            Some("SUCCEEDED") => {
                return Ok(serde_json::from_str(now["output"].as_str().context("an output")?)?);
            }
            _ => bail!("the execution failed: {now}"),
        }
    }
    bail!("the execution does not end")
}

/// A host that greets, stumbles once for each name, and refuses.
struct Host {
    url: String,
    calls: Arc<Mutex<Calls>>,
}

/// The events of each function, in order.
type Calls = BTreeMap<String, Vec<Value>>;

impl Host {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let calls = Arc::new(Mutex::new(Calls::new()));
        let kept = Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let calls = Arc::clone(&kept);
                thread::spawn(move || answer(stream, &calls));
            }
        });
        Ok(Self { url, calls })
    }
}

/// One request of the Lambda Invoke API.
fn answer(mut stream: TcpStream, calls: &Mutex<Calls>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let function = first.split('/').nth(3).context("a function")?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let event: Value = serde_json::from_slice(&body)?;

    let mut calls = calls.lock().map_err(|_| anyhow::anyhow!("another call died"))?;
    let earlier = calls.entry(function.clone()).or_default();
    let again = earlier.iter().any(|known| known["name"] == event["name"]);
    earlier.push(event.clone());
    drop(calls);
    let error = match function.as_str() {
        "things-refuse" => Some("Conflict"),
        "things-stumble" if !again => Some("Unavailable"),
        _ => None,
    };
    let body = match error {
        Some(error) => json!({ "errorType": error, "errorMessage": "as planned" }),
        None => json!({ "hello": event["name"] }),
    };
    // As AWS and the host say it, and as `cargo lambda watch` does.
    let (status, header) = match error {
        Some("Conflict") => ("200 OK", "x-amz-function-error: Unhandled\r\n"),
        Some(_) => ("500 Internal Server Error", ""),
        None => ("200 OK", ""),
    };
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nconnection: close\r\n{header}content-length: {length}\r\n\r\n{body}"
    )?;
    Ok(())
}

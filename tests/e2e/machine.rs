//! The state machine `run`, by the emulator's interpreter: it succeeds, retries, fails and stops,
//! and every one of its states is reached.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use local::emulator;
use local::http;
use local::stack::{Options, Part, Stack};
use serde_json::{Value, json};
use tests::scripted::{Reply, Script, Server};
use ureq::Agent;

use crate::command::{root, run, scripted};

struct World {
    stack: Stack,
    agent: Agent,
    token: String,
}

impl World {
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.stack.host_url()?);
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let reply = match method {
            "GET" => http::get(&self.agent, &url, &headers)?,
            _ => http::post(&self.agent, &url, &headers, body.to_string().as_bytes())?,
        };
        ensure!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.body);
        reply.json()
    }

    fn publish(&self, kind: &str, slug: &str, definition: &Value) -> Result<()> {
        let body = json!({ "slug": slug, "definition": definition });
        let made = self.call("POST", &format!("/v1/{kind}"), &body)?;
        let path = format!("/v1/{kind}/{}/versions", made["id"].as_str().unwrap());
        self.call("POST", &path, &json!({})).map(drop)
    }

    fn start(&self, workflow: &str, brief: &str) -> Result<String> {
        let run =
            self.call("POST", "/v1/runs", &json!({ "workflow": workflow, "brief": brief }))?;
        Ok(run["id"].as_str().unwrap().to_owned())
    }

    /// The run, once it is in one of these states.
    fn wait(&self, run: &str, states: &[&str]) -> Result<Value> {
        let until = Instant::now() + Duration::from_mins(2);
        loop {
            let found = self.call("GET", &format!("/v1/runs/{run}"), &Value::Null)?;
            if states.contains(&found["state"].as_str().unwrap()) {
                return Ok(found);
            }
            ensure!(Instant::now() < until, "the run is still {}: {found}", found["state"]);
            sleep(Duration::from_millis(100));
        }
    }

    /// One call of the emulator's Step Functions API.
    fn states(&self, action: &str, body: &Value) -> Result<Value> {
        let url = self.stack.var("AWS_ENDPOINT_URL")?;
        let target = format!("AWSStepFunctions.{action}");
        let authorization = emulator::authorization("states");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
            ("authorization", authorization.as_str()),
        ];
        http::post(&self.agent, url, &headers, body.to_string().as_bytes())?.json()
    }

    /// The states that a run's execution entered, and how it ended.
    fn execution(&self, run: &str) -> Result<(BTreeSet<String>, String)> {
        let machine = self.stack.var("RUN_STATE_MACHINE_ARN")?;
        let arn = format!("{}:{run}", machine.replace(":stateMachine:", ":execution:"));
        let until = Instant::now() + Duration::from_secs(30);
        let status = loop {
            let found = self.states("DescribeExecution", &json!({ "executionArn": arn }))?;
            let status = found["status"].as_str().context("no such execution")?.to_owned();
            if status != "RUNNING" {
                break status;
            }
            if Instant::now() > until {
                bail!("the execution of {run} goes on");
            }
            sleep(Duration::from_millis(100));
        };
        let history = json!({ "executionArn": arn, "maxResults": 1000 });
        let history = self.states("GetExecutionHistory", &history)?;
        let events = history["events"].as_array().context("no events")?;
        let entered =
            events.iter().filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str());
        Ok((entered.map(str::to_owned).collect(), status))
    }
}

/// Every state of the definition, those within maps too.
fn all_states() -> BTreeSet<String> {
    fn collect(machine: &Value, into: &mut BTreeSet<String>) {
        for (name, state) in machine["States"].as_object().unwrap() {
            into.insert(name.clone());
            if state["ItemProcessor"].is_object() {
                collect(&state["ItemProcessor"], into);
            }
        }
    }
    let mut all = BTreeSet::new();
    collect(&definition(), &mut all);
    all
}

fn definition() -> Value {
    let file = root().join("functions/runs/workflows/run.asl.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The emulator's history leaves out what happens within a Map. The two tasks there are seen by
/// their turns; the other states are put to the interpreter one at a time.
fn inner_states(world: &World) -> Result<BTreeSet<String>> {
    let definition = definition();
    let inner = &definition["States"]["Work"]["ItemProcessor"]["States"];
    let mut reached: BTreeSet<String> = ["Step".to_owned(), "Room".to_owned()].into();
    for (name, input, next) in [
        ("Kind", json!({ "id": "a", "kind": "room" }), "Room"),
        ("Kind", json!({ "id": "a", "kind": "agent" }), "Step"),
        ("Another slice", json!({ "step_id": "a", "next": "more" }), "Room"),
        ("Another slice", json!({ "step_id": "a", "next": "done" }), "Stepped"),
        (
            "Another slice",
            json!({ "step_id": "a", "next": "wait", "seconds": 1 }),
            "Wait for a person",
        ),
        ("Wait for a person", json!({ "step_id": "a", "next": "wait", "seconds": 1 }), "Room"),
        ("Stepped", json!({}), ""),
        ("Report failure", json!({ "step_id": "a", "error": "Internal", "cause": "" }), ""),
    ] {
        let mut state = inner[name].clone();
        state["QueryLanguage"] = "JSONata".into();
        let test = json!({
            "definition": state.to_string(), "input": input.to_string(),
            "roleArn": "arn:aws:iam::000000000000:role/test",
        });
        let tested = world.states("TestState", &test)?;
        assert_eq!(tested["status"], "SUCCEEDED", "{name}: {tested}");
        assert_eq!(tested["nextState"].as_str().unwrap_or_default(), next, "{name}: {tested}");
        reached.insert(name.to_owned());
    }
    Ok(reached)
}

#[test]
fn every_state_is_reached_and_every_end_is_on_record() -> Result<()> {
    let refuses = std::iter::repeat_with(|| Reply::status(400)).take(40);
    let stumbles = std::iter::repeat_with(|| Reply::status(503)).take(3);
    let model = Server::start(
        Script::echo()
            .when("REFUSED", refuses)
            .when("STUMBLE", stumbles)
            .when("SLOWLY", std::iter::repeat_with(|| Reply::Silence).take(40)),
    )?;
    run(&["--name", "e2e", "up", "--detach", "--no-model"], &scripted(&model.base_url))?;
    let ended = everything();
    run(&["--name", "e2e", "stop"], &[])?;
    ended
}

fn everything() -> Result<()> {
    let options = Options { name: Some("e2e".into()), ..Options::default() };
    let mut stack = Stack::up(&options.without(Part::Model))?;
    let host = crate::command::program()?.with_file_name("host");
    stack.spawn_host(&host)?;
    local::demo::migrate(&stack)?;
    let token = stack.sign_in("ada")?;
    let world = World { stack, agent: http::agent(Duration::from_secs(20)), token };
    // The stack's database outlives the test; these names are this time's.
    let time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let [ann, ben, cas, whole] =
        ["ann", "ben", "cas", "whole"].map(|name| format!("{name}-{time}"));
    for slug in [&ann, &ben, &cas] {
        world.publish("agents", slug, &json!({ "name": slug, "role": "helps" }))?;
    }
    let room = json!({ "members": [ann, ben, cas], "turns": 3 });
    let steps = json!([
        { "id": "begin", "agent": ann, "document": "begin.md" },
        { "id": "left", "agent": ben, "needs": ["begin"] },
        { "id": "right", "agent": cas, "needs": ["begin"] },
        { "id": "talk", "kind": "room", "room": room, "needs": ["left", "right"], "document": "talk.md" },
    ]);
    world.publish("workflows", &whole, &json!({ "name": "Whole", "steps": steps }))?;
    let mut reached = BTreeSet::new();

    let good = world.start(&whole, "All is well.")?;
    let stumbling = world.start(&whole, "They STUMBLE at first.")?;
    let refused = world.start(&whole, "It will be REFUSED.")?;
    let slow = world.start(&whole, "It goes SLOWLY.")?;

    for run in [&good, &stumbling] {
        let ended = world.wait(run, &["succeeded", "failed"])?;
        assert_eq!(ended["state"], "succeeded", "{ended}");
        let (states, end) = world.execution(run)?;
        assert_eq!(end, "SUCCEEDED");
        reached.extend(states);
    }

    let ended = world.wait(&refused, &["succeeded", "failed"])?;
    assert_eq!(ended["state"], "failed", "{ended}");
    assert_eq!(ended["error"]["name"], "ModelRefused");
    assert_eq!(ended["spend"]["reserved_tokens"], 0);
    let (states, end) = world.execution(&refused)?;
    assert_eq!(end, "FAILED");
    reached.extend(states);

    world.call("POST", &format!("/v1/runs/{slow}/cancel"), &json!({}))?;
    assert_eq!(world.wait(&slow, &["cancelled"])?["spend"]["reserved_tokens"], 0);
    let (_, end) = world.execution(&slow)?;
    assert_eq!(end, "ABORTED");

    reached.extend(inner_states(&world)?);
    let missing: Vec<_> = all_states().difference(&reached).cloned().collect();
    assert!(missing.is_empty(), "no test reaches {missing:?}");
    world.stack.down();
    Ok(())
}

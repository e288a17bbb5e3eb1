//! Who one is, agents, workflows, imports, completions.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tar::Archive;

use crate::answers::{RUN, agent, import, who};
use crate::server::Reply::Json;
use crate::server::{Server, ok, page};
use crate::terminal::{TOKEN, Terminal};

#[test]
fn whoami_says_who_and_the_token_is_sent_as_it_should() {
    let server = Server::start([ok(who()), ok(who()), ok(who())]);
    let terminal = Terminal::at(&server);
    let said = terminal.run(&["whoami"]);
    assert_eq!(
        said.good(),
        "ada@example.test (auth0|ada), of Acme\nroles: admin\nmay: runs:read\n"
    );
    assert_eq!(terminal.run(&["whoami", "--json"]).json(), who(), "as it came");
    // An option wins over a variable.
    terminal.run(&["whoami", "--token", "key-2"]).good();
    let sent: Vec<_> =
        server.asked().iter().map(|it| it.header("authorization").unwrap().to_owned()).collect();
    let usual = format!("Bearer {TOKEN}");
    assert_eq!(sent, [usual.clone(), usual, "Bearer key-2".into()]);
}

#[test]
fn a_list_is_read_to_its_last_page_and_one_is_found_by_its_name() {
    let first = ok(json!({ "items": [agent("mary")], "next": "c1" }));
    let server = Server::start([first, page(&[agent("john")])]);
    let said = Terminal::at(&server).run(&["agents"]);
    let names: Vec<_> = said.good().lines().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(names, ["agent", "mary", "john"]);
    assert_eq!(server.lines(), ["GET /v1/agents?limit=100", "GET /v1/agents?limit=100&cursor=c1"]);

    let server = Server::start([page(&[agent("mary")]), page(&[])]);
    let terminal = Terminal::at(&server);
    let said = terminal.run(&["agents", "show", "mary"]);
    assert!(said.good().starts_with("Mary, Analyst (mary, version 1.2.0)\nrole: She asks.\n"));
    let said = terminal.run(&["agents", "show", "a b"]);
    assert!(said.bad(1).contains("cadre agents list"), "{}", said.err);
    assert_eq!(server.lines()[1], "GET /v1/agents?slug=a+b&limit=1");
}

#[test]
fn a_workflow_shows_its_steps() {
    let steps = json!([
        { "id": "draft", "agent": "writer", "document": "draft.md" },
        { "id": "talk", "kind": "room", "needs": ["draft"], "needs_review": true,
          "room": { "members": ["writer", "critic"], "turns": 4 } },
    ]);
    let flow = json!({ "id": RUN, "slug": "team", "revision": 1, "latest": null,
        "created_at": "2026-11-23T10:00:00Z", "updated_at": "2026-11-23T10:00:00Z",
        "draft": { "name": "The team", "description": "All of it.", "steps": steps } });
    let server = Server::start([page(std::slice::from_ref(&flow)), page(&[flow])]);
    let terminal = Terminal::at(&server);
    let said = terminal.run(&["workflows", "show", "team"]);
    assert!(
        said.good().starts_with("The team (team, not published)\nAll of it.\n"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("talk   writer, critic  draft            needs review"),
        "{}",
        said.out
    );
    assert!(terminal.run(&["workflows"]).good().contains("team      draft    2"));
}

#[test]
fn a_folder_is_packed_the_same_each_time_without_what_is_no_definition() {
    let server = Server::start([Json(201, import(false)), Json(201, import(true))]);
    let terminal = Terminal::at(&server);
    terminal.file("team/b/SKILL.md", "two");
    terminal.file("team/.bmad/a.md", "one");
    terminal.file("team/.git/config", "no");
    terminal.file("team/node_modules/x/y.js", "no");
    let secret = terminal.file("secret", "no");
    symlink(&secret, terminal.home.join("team/link.md")).unwrap();

    let said = terminal.run(&["import", "team"]);
    for part in [
        "agents     2    0        1          1",
        "draft: b: a guess",
        "nobody is called ghost, in w: a note",
        "refused: x.md: no front matter",
        "merged: bob: ours was kept in 1 places",
        "warning: old",
    ] {
        assert!(said.good().contains(part), "{part} is not in\n{}", said.out);
    }
    // Times of files do not count.
    let file = fs::File::options().write(true).open(terminal.home.join("team/b/SKILL.md")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(terminal.run(&["import", "team/"]).good().contains("imported before"));

    let asked = server.asked();
    assert_eq!(asked[0].header("content-type"), Some("application/gzip"));
    assert_eq!(asked[0].body, asked[1].body, "another digest: the API could not know it again");
    let mut archive = Archive::new(GzDecoder::new(asked[0].body.as_slice()));
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.path().unwrap().display().to_string(), text)
    });
    let files: Vec<_> = files.collect();
    let expected = [(".bmad/a.md", "one"), ("b/SKILL.md", "two")];
    assert_eq!(files, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[test]
fn a_file_is_sent_as_it_is_and_json_is_the_apis() {
    let server = Server::start([Json(201, import(false))]);
    let terminal = Terminal::at(&server);
    let file = terminal.file("team.ZIP", "PK");
    let said: Value = terminal.run(&["import", &file, "--json"]).json();
    assert_eq!(said, import(false));
    assert_eq!(server.asked()[0].body, b"PK");
    assert_eq!(server.asked()[0].header("content-type"), Some("application/zip"));
}

#[test]
fn every_command_has_help_and_a_shell_its_completions() {
    let terminal = Terminal::bare();
    let help = terminal.run(&["--help"]);
    let verbs = "login logout whoami import agents workflows run follow cancel documents explain \
                 spend stop completions";
    for verb in verbs.split_whitespace() {
        assert!(help.good().contains(&format!("\n  {verb} ")), "{verb}");
        let said = terminal.run(&[verb, "--help"]);
        assert!(said.good().contains("Usage: cadre ") && said.out.contains("--json"), "{verb}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let said = terminal.run(&["completions", shell]);
        assert!(said.good().contains("cadre") && said.out.contains("explain"), "{shell}");
    }
}

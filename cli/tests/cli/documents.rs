//! A run's documents, on the screen and on the disk.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::answers::{DOCUMENT, RUN, document};
use crate::server::{Server, ok, page};
use crate::terminal::Terminal;

#[test]
fn documents_are_listed_and_saved_as_they_are() {
    let server = Server::start([page(&[document("draft.md", "# Draft\n")])]);
    let said = Terminal::at(&server).run(&["documents", RUN]);
    assert!(said.good().contains("draft.md  draft  8"), "{}", said.out);

    let script =
        || [page(&[document("draft.md", "# Draft\n")]), ok(document("draft.md", "# Draft\n"))];
    let server = Server::start(script());
    let terminal = Terminal::at(&server);
    let folder = terminal.home.join("out/run");
    let said = terminal.run(&["documents", RUN, "--save", "out/run", "--json"]).json();
    assert_eq!(said["items"][0]["saved"], "out/run/draft.md");
    assert_eq!(fs::read_to_string(folder.join("draft.md")).unwrap(), "# Draft\n");
    assert_eq!(server.lines()[1], format!("GET /v1/documents/{DOCUMENT}"));
}

#[test]
fn what_a_person_has_is_written_over_only_when_they_say_so() {
    let mine = "mine";
    for (args, code, there) in
        [(["--save", "."].as_slice(), 1, mine), (&["--save", ".", "--force"], 0, "# Draft\n")]
    {
        let server = Server::start([
            page(&[document("draft.md", "# Draft\n")]),
            ok(document("draft.md", "# Draft\n")),
        ]);
        let terminal = Terminal::at(&server);
        let file = terminal.file("draft.md", mine);
        let said = terminal.run(&[["documents", RUN].as_slice(), args].concat());
        assert_eq!(said.code, code, "{}", said.err);
        assert_eq!(fs::read_to_string(file).unwrap(), there);
        assert_eq!(said.err.contains("--force"), code == 1);
    }
}

#[test]
fn a_documents_name_and_content_cannot_do_harm() {
    for name in ["../escaped.md", "/tmp/escaped.md", ".bashrc"] {
        let server = Server::start([page(&[document(name, "x")]), ok(document(name, "x"))]);
        let terminal = Terminal::at(&server);
        assert!(terminal.run(&["documents", RUN, "--save", "out"]).bad(1).contains("no name"));
        assert!(!terminal.home.join("escaped.md").exists());
    }
    let mut other = document("draft.md", "# Draft\n");
    other["content"] = json!("something else");
    let server = Server::start([page(&[document("draft.md", "# Draft\n")]), ok(other)]);
    let terminal = Terminal::at(&server);
    assert!(terminal.run(&["documents", RUN, "--save", "out"]).bad(1).contains("digest"));
    assert!(!terminal.home.join("out/draft.md").exists());

    // What a link points at stays, also with --force.
    let server = Server::start([page(&[document("draft.md", "x")]), ok(document("draft.md", "x"))]);
    let terminal = Terminal::at(&server);
    let target = terminal.file("target", "precious");
    symlink(&target, terminal.home.join("draft.md")).unwrap();
    terminal.run(&["documents", RUN, "--save", ".", "--force"]).good();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert_eq!(fs::read_to_string(terminal.home.join("draft.md")).unwrap(), "x");
}

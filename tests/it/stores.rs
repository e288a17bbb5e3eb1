//! Redis and DynamoDB are spoken to in one place each, and nothing in them is looked for by pattern.

use crate::source::{literals, rust};

#[test]
fn t8_keys_are_built_in_two_files_and_commands_sent_from_one_folder() {
    for source in rust(&["shared/src", "functions"]) {
        let (path, code) = (source.path.as_str(), source.code());
        let redis = path.starts_with("shared/src/redis/");
        let dynamo = path.starts_with("shared/src/dynamo/");
        for call in ["redis::cmd(", "redis::Cmd", "redis::Client", "redis::pipe("] {
            assert!(
                redis || source.is_test() || !code.contains(call),
                "{path}: `{call}`: use App::redis"
            );
        }
        let sdk = "aws_sdk_dynamodb::";
        assert!(dynamo || source.is_test() || !code.contains(sdk), "{path}: use App::dynamo");
        let builds = path == "shared/src/redis/key.rs";
        for literal in literals(code) {
            assert!(
                builds || !literal.starts_with("cadre:"),
                "{path} spells a key itself: {literal}"
            );
        }
    }
}

#[test]
fn t8_nothing_is_looked_for_by_pattern_across_tenants() {
    for source in rust(&["shared/src/redis", "shared/src/dynamo", "shared/src/gate", "functions"]) {
        if source.is_test() {
            continue;
        }
        for literal in literals(source.code()) {
            let word = literal.trim();
            for command in ["KEYS", "SCAN", "SSCAN", "HSCAN", "RANDOMKEY", "FLUSHALL", "FLUSHDB"] {
                let called = literal.contains(&format!("call('{command}'"));
                assert!(word != command && !called, "{}: {command}", source.path);
            }
        }
        for call in [".scan()", ".query()", ".batch_get_item()", ".execute_statement()"] {
            let found =
                source.path.starts_with("shared/src/dynamo/") && source.code().contains(call);
            assert!(!found, "{}: `{call}` reads beyond one key", source.path);
        }
    }
}

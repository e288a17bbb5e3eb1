//! Migrations: from nothing to the newest, over data, and never anew.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;
use refinery::Target;

use crate::record::{rows, tables, why};
use crate::scratch::Scratch;
use crate::world::root;

/// The migrations by number: file name and text.
fn files() -> BTreeMap<u32, (String, String)> {
    let folder = root().join("migrations");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() || name == "README.md" {
            continue;
        }
        let number = name.strip_prefix('V').and_then(|rest| rest.get(..4)?.parse().ok());
        let number: u32 = number.unwrap_or_else(|| panic!("{name}: V0001__what_for.sql"));
        let rest = name[5..].strip_prefix("__").and_then(|rest| rest.strip_suffix(".sql"));
        let words = rest.unwrap_or_else(|| panic!("{name}: V0001__what_for.sql"));
        let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
        assert!(words.chars().all(plain) && !words.is_empty(), "{name}");
        let before = found.insert(number, (name, fs::read_to_string(&path).unwrap()));
        assert!(before.is_none(), "two migrations have the number {number}");
    }
    found
}

fn sample(number: u32) -> String {
    let path = root().join(format!("migrations/samples/V{number:04}.sql"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn migrations_are_numbered_without_a_gap_and_all_of_them_are_built_in() {
    let files = files();
    let expected: Vec<u32> = (1..).take(files.len()).collect();
    assert_eq!(files.keys().copied().collect::<Vec<_>>(), expected);
    let runner = platform::migrate::runner();
    let built: BTreeMap<_, _> = runner
        .get_migrations()
        .iter()
        .map(|one| {
            (u32::try_from(one.version()).unwrap(), one.sql().unwrap_or_default().to_owned())
        })
        .collect();
    let written: BTreeMap<_, _> =
        files.into_iter().map(|(number, (_, sql))| (number, sql)).collect();
    assert!(built == written, "the binary has other migrations than the folder");
}

#[test]
fn a_migration_says_what_it_is_for_in_lower_case_and_never_takes_away() {
    for (name, sql) in files().into_values() {
        assert!(sql.starts_with("-- "), "{name} opens by saying what it is for");
        let code: String =
            sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let keywords: String = code.split('\'').step_by(2).collect();
        assert_eq!(keywords, keywords.to_lowercase(), "{name}: SQL is lower-case");
        for word in ["drop table", "drop column", "truncate", "drop schema", "disable row level"] {
            assert!(!code.contains(word), "{name}: `{word}`: expand, move, contract: README.md");
        }
    }
}

#[tokio::test]
async fn an_empty_database_comes_up_to_date_and_a_second_time_nothing_happens() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut owner = scratch.owner().await?;
    let first = platform::migrate::runner().run_async(&mut owner).await?;
    assert_eq!(first.applied_migrations().len(), files().len());
    let schema = shape(&scratch).await?;
    let second = platform::migrate::runner().run_async(&mut owner).await?;
    assert_eq!(second.applied_migrations().len(), 0);
    assert_eq!(shape(&scratch).await?, schema);
    Ok(())
}

/// Every column, key and policy.
async fn shape(scratch: &Scratch) -> Result<Vec<Vec<String>>> {
    let sql = "
        select table_name::text, column_name::text, data_type::text, column_default::text
        from information_schema.columns where table_schema in ('public', 'sec')
        union all
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid), null from pg_constraint
        union all
        select tablename, policyname, qual, with_check from pg_policies
        order by 1, 2, 3, 4";
    rows(&scratch.owner().await?, sql).await
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_is_refused() -> Result<()> {
    let scratch = Scratch::migrated().await?;
    let change = "update refinery_schema_history set checksum = '1' where version = 1";
    scratch.owner().await?.batch_execute(change).await?;
    let outcome = platform::migrate::runner().run_async(&mut scratch.owner().await?).await;
    assert!(outcome.is_err(), "a different V0001 was taken for the same");
    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum)
                 values (9999, 'from_the_future', '2026-01-01T00:00:00Z', '1')";
    let scratch = Scratch::migrated().await?;
    scratch.owner().await?.batch_execute(newer).await?;
    let outcome = platform::migrate::runner().run_async(&mut scratch.owner().await?).await;
    assert!(outcome.is_err(), "an older binary went on with a newer database");
    Ok(())
}

#[tokio::test]
async fn every_migration_goes_over_the_data_that_was_valid_before_it() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut owner = scratch.owner().await?;
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    for (number, (name, _)) in files() {
        let to = Target::Version(number.cast_signed());
        platform::migrate::runner().set_target(to).run_async(&mut owner).await?;
        for (table, before) in &kept {
            let now = count(&scratch, table)?;
            assert_eq!(now, *before, "{name} lost or made rows of {table}");
        }
        let loaded = owner.batch_execute(&format!("begin; {}; commit", sample(number))).await;
        assert!(loaded.is_ok(), "the sample of {name}: {}", why(&loaded.unwrap_err()));
        for table in tables(&owner).await? {
            let rows = count(&scratch, &table)?;
            assert!(rows > 0, "samples/V{number:04}.sql leaves {table} empty");
            kept.insert(table, rows);
        }
    }
    assert!(kept.len() >= 20, "only {} tables", kept.len());
    Ok(())
}

fn count(scratch: &Scratch, table: &str) -> Result<usize> {
    Ok(scratch.superuser(&format!("select count(*) from {table}"))?.parse()?)
}

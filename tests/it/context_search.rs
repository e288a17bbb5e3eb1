//! How well questions find what answers them: 104 hand-made Dutch questions over 52 facts, beside
//! the database's own full text. That part of a compound counts was decided with this set in view,
//! so its figures are what the rule does, and no forecast.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use tests::{House, tell};

use crate::record::{self, rows};

const SET: &str = include_str!("../../functions/context/tests/texts/vragen.txt");
/// Any word may be missing, and the more of them stand close together the better.
const PLAIN: &str = "select e.name from context_entries e,
         websearch_to_tsquery('dutch', replace('QUESTION', ' ', ' or ')) asked
    where e.words @@ asked order by ts_rank_cd(e.words, asked) desc, e.id limit 10";

#[derive(Default)]
struct Found {
    first: u32,
    of_five: u32,
    of_ten: u32,
    gain: f64,
}

impl Found {
    fn add(&mut self, at: Option<usize>) {
        let Some(at) = at.filter(|at| *at < 10) else { return };
        self.first += u32::from(at == 0);
        self.of_five += u32::from(at < 5);
        self.of_ten += 1;
        self.gain += 1.0 / f64::from(u32::try_from(at).unwrap() + 2).log2();
    }

    fn tell(&self, name: &str, questions: u32) {
        let of = |n: u32| f64::from(n) / f64::from(questions);
        tell(&format!(
            "{name}: recall@1 {:.3}, @5 {:.3}, @10 {:.3}, nDCG@10 {:.3} of {questions}",
            of(self.first),
            of(self.of_five),
            of(self.of_ten),
            self.gain / f64::from(questions)
        ));
    }
}

#[tokio::test]
async fn dutch_questions_find_their_answers_better_than_by_plain_full_text() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let (mut facts, mut questions) = (BTreeMap::new(), Vec::new());
    let mut name = "";
    for line in SET.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("> ").and_then(|fact| fact.split_once(" | ")) {
            Some((of, text)) => {
                name = of;
                facts.insert(of, text);
            }
            None => questions.push((line, name)),
        }
    }
    for (name, text) in &facts {
        let entry = json!({ "layer": "tenant", "name": name, "kind": "fact", "value": text,
                            "language": "nl", "load": { "when": "query" } });
        ada.put("/v1/context", entry).await?.expect(200);
    }
    let owner = record::owner().await?;
    owner.batch_execute(&format!("begin; select sec.enter('{}')", org.tenant())).await?;
    let (mut ours, mut plain) = (Found::default(), Found::default());
    for (question, answer) in &questions {
        let q = serde_urlencoded::to_string([("q", question)])?;
        let page = ada.get(&format!("/v1/context?layer=tenant&limit=10&{q}")).await?.expect(200);
        let names: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|e| e["name"].clone()).collect();
        ours.add(names.iter().position(|name| name == answer));
        let sql = PLAIN.replace("QUESTION", &question.replace('\'', "''").replace('?', ""));
        let found = rows(&owner, &sql).await?;
        plain.add(found.iter().position(|row| row[0] == *answer));
    }
    owner.batch_execute("rollback").await?;
    let count = u32::try_from(questions.len())?;
    assert!(count >= 100, "{count}");
    ours.tell("context, BM25 over stems and parts of compounds", count);
    plain.tell("context, plain full text (ts_rank_cd)", count);
    assert!(ours.of_five > plain.of_five && ours.gain > plain.gain);
    assert!(f64::from(ours.of_five) >= 0.95 * f64::from(count), "{}", ours.of_five);
    Ok(())
}

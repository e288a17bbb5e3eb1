//! Readers that are cut anywhere, served by whoever is there, while turns are taken and retried.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::entry::{Began, Entry};
use super::super::hot::Track;
use super::super::position::Position;
use super::super::told::Told;
use super::{Reader, Steps};
use crate::model::Event;

fn told(sequence: i64, kind: &str, place: Option<i32>, turn: i32, text: Option<&str>) -> Told {
    let step_id = place.map(|place| format!("step-{place}"));
    let data = match text {
        Some(_) => json!({ "turn": turn, "speaker": "ann", "reason": "next",
                           "conversation_id": Uuid::nil() }),
        None => json!({}),
    };
    let event =
        Event { sequence, kind: kind.into(), step_id, data, at: jiff::Timestamp::UNIX_EPOCH };
    Told { event, place, text: text.map(str::to_owned) }
}

fn began(turn: i32, fence: i64) -> Entry {
    let (speaker, reason) = ("ann".to_owned(), "next".to_owned());
    Entry::Began(Began { turn, fence, conversation_id: Uuid::nil(), speaker, reason })
}

/// What a client makes of it.
#[derive(Default)]
struct Client {
    id: Option<String>,
    texts: BTreeMap<(String, i64), String>,
    events: Vec<i64>,
    resets: usize,
    over: bool,
}

impl Client {
    /// Takes in so many events of what was sent, and loses the rest.
    fn hear(&mut self, sent: &str, most: usize) {
        for block in sent.split_terminator("\n\n").take(most) {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let data: Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
            self.id = field("id: ").map(str::to_owned);
            let turn = (
                data["step_id"].as_str().unwrap_or_default().to_owned(),
                data["turn"].as_i64().unwrap_or_default(),
            );
            match field("event: ").unwrap() {
                "turn.began" => assert!(self.texts.insert(turn, String::new()).is_none()),
                "turn.text" => {
                    let text = self.texts.get_mut(&turn).unwrap();
                    assert_eq!(data["offset"], text.len());
                    text.push_str(data["text"].as_str().unwrap());
                }
                "turn.reset" => {
                    assert!(self.texts.remove(&turn).is_some());
                    self.resets += 1;
                }
                "end" => self.over = true,
                _ => self.events.push(data["sequence"].as_i64().unwrap()),
            }
        }
    }

    fn reader(&self, steps: &Arc<Steps>) -> Reader {
        let position = self.id.as_deref().map(|id| Position::parse(id).unwrap());
        Reader::at(position.unwrap_or_default(), Arc::clone(steps))
    }
}

/// One thing that happens to a run of two steps side by side.
#[derive(Clone, Debug)]
enum Happens {
    /// A worker begins the next turn of a step, or takes it over.
    Begins(i32),
    /// The model says more to it, or another call begins again.
    Says { place: i32, again: bool, text: String },
    /// It is recorded: what was heard, or, of a worker that nobody heard, something else.
    Records { place: i32, otherwise: Option<String> },
    /// What Redis knew is lost.
    Forgets,
    /// The reader comes again, and hears so many events before it is cut off.
    Hears(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    let (place, text) = (0..2_i32, "[a-c\u{e9}]{1,6}");
    prop_oneof![
        2 => place.clone().prop_map(Happens::Begins),
        6 => (place.clone(), prop::bool::weighted(0.1), text)
            .prop_map(|(place, again, text)| Happens::Says { place, again, text }),
        2 => (place, prop::option::weighted(0.2, text))
            .prop_map(|(place, otherwise)| Happens::Records { place, otherwise }),
        1 => Just(Happens::Forgets),
        6 => (0..5_usize).prop_map(Happens::Hears),
    ]
}

#[derive(Default)]
struct Run {
    tracks: BTreeMap<i32, Track>,
    record: Vec<Told>,
    /// What a worker has heard of its model: fence, call, text.
    workers: BTreeMap<i32, (i64, u32, String)>,
    texts: BTreeMap<(String, i64), String>,
    fence: i64,
}

impl Run {
    fn happens(&mut self, what: &Happens) {
        match what {
            Happens::Begins(place) => {
                self.fence += 1;
                self.workers.insert(*place, (self.fence, 1, String::new()));
                let track = self.tracks.get_mut(place).unwrap();
                track.apply(began(track.done + 1, self.fence));
            }
            Happens::Says { place, again, text } => {
                let Some((fence, call, said)) = self.workers.get_mut(place) else { return };
                if *again {
                    *call += 1;
                    said.clear();
                }
                let (fence, call, offset) = (*fence, *call, said.len());
                said.push_str(text);
                let track = self.tracks.get_mut(place).unwrap();
                let (turn, text) = (track.done + 1, text.clone());
                track.apply(Entry::Said { turn, fence, call, offset, text });
            }
            Happens::Records { place, otherwise } => {
                let Some((_, _, said)) = self.workers.remove(place) else { return };
                let text = otherwise.clone().unwrap_or(said);
                let track = self.tracks.get_mut(place).unwrap();
                let turn = track.done + 1;
                track.taken(turn);
                let sequence = i64::try_from(self.record.len()).unwrap() + 1;
                self.record.push(told(sequence, "turn.taken", Some(*place), turn, Some(&text)));
                self.texts.insert((track.id.clone(), turn.into()), text);
            }
            Happens::Forgets => self.tracks.values_mut().for_each(|track| track.hot = None),
            Happens::Hears(_) => {}
        }
    }

    fn tell(&self, reader: &mut Reader) {
        for told in self
            .record
            .iter()
            .filter(|told| told.event.sequence > reader.after())
            .collect::<Vec<_>>()
        {
            reader.event(told);
        }
        self.tracks.iter().for_each(|(place, track)| reader.hot(*place, track));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    /// Whatever happens and wherever they are cut: in the end they have what is on record.
    #[test]
    fn whoever_is_cut_anywhere_has_in_the_end_what_is_on_record(
        all in prop::collection::vec(happens(), 0..80)
    ) {
        let steps: Arc<Steps> = Arc::new((0..2).map(|place| (place, format!("step-{place}"))).collect());
        let track = |(place, id): (&i32, &String)| (*place, Track { id: id.clone(), done: 0, hot: None });
        let mut run = Run { tracks: steps.iter().map(track).collect(), ..Run::default() };
        // One who is cut again and again, and one who never is.
        let (mut cut, mut steady) = (Client::default(), Client::default());
        let mut reader = steady.reader(&steps);
        for what in &all {
            run.happens(what);
            if let Happens::Hears(most) = what {
                let mut reader = cut.reader(&steps);
                run.tell(&mut reader);
                cut.hear(&reader.take().unwrap_or_default(), *most);
            }
            run.tell(&mut reader);
            steady.hear(&reader.take().unwrap_or_default(), usize::MAX);
        }
        let end = i64::try_from(run.record.len()).unwrap() + 1;
        run.record.push(told(end, "run.cancelled", None, 0, None));
        run.tracks.values_mut().for_each(|track| track.hot = None);
        for (client, mut reader) in [(&mut cut, None), (&mut steady, Some(reader))] {
            let mut reader = reader.take().unwrap_or_else(|| client.reader(&steps));
            run.tell(&mut reader);
            reader.end("run.cancelled");
            client.hear(&reader.take().unwrap_or_default(), usize::MAX);
            prop_assert!(client.over);
            prop_assert_eq!(&client.texts, &run.texts);
            prop_assert_eq!(&client.events, &(1..=end).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_long_text_is_sent_in_pieces_between_characters() {
    let steps: Arc<Steps> = Arc::new(BTreeMap::from([(0, "step-0".to_owned())]));
    let text = "\u{1f9ed}".repeat(20_000);
    let taken = told(1, "turn.taken", Some(0), 1, Some(&text));
    let mut client = Client::default();
    let mut rounds = 0;
    while client.events.is_empty() {
        let mut reader = client.reader(&steps);
        reader.event(&taken);
        client.hear(&reader.take().unwrap(), 1);
        rounds += 1;
    }
    assert_eq!(client.texts.values().next(), Some(&text));
    assert_eq!((rounds, client.resets), (1 + 5 + 1, 0), "it begins, five pieces, it is taken");
}

//! Where rooms are played: time is a second a turn, a turn uses 10 tokens and costs 3.

use jiff::Timestamp;
use rooms::state::{About, Question, Wait};
use rooms::{Action, Answer, Answered, Choice, Event, Room, Said, State, decide};

pub(crate) const MEMBERS: [&str; 4] = ["ann", "ben", "cas", "dee"];

pub(crate) fn names<const N: usize>(of: [&str; N]) -> Vec<String> {
    of.map(str::to_owned).to_vec()
}

pub(crate) fn room(turns: u32) -> Room {
    Room { members: names(MEMBERS), turns, ..Room::default() }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn opened(room: &Room) -> State<'_> {
    State::new(room, 7, at(0))
}

/// What members say and which tools they call, and what is answered, by turn.
pub(crate) struct Script<'a> {
    pub(crate) says: &'a dyn Fn(usize, &Choice) -> String,
    pub(crate) tools: &'a dyn Fn(usize, &Choice) -> Vec<String>,
    pub(crate) answers: &'a dyn Fn(usize, &Question) -> Option<String>,
    /// The name that a person gives; without one the room waits until its patience is over.
    pub(crate) person: &'a dyn Fn(usize, &Wait) -> Option<String>,
}

pub(crate) const QUIET: Script<'static> = Script {
    says: &|turn, _| format!("well {turn}"),
    tools: &|_, _| Vec::new(),
    answers: &|_, _| None,
    person: &|_, _| None,
};

/// A room that was played, and each choice in its order.
pub(crate) struct Played {
    pub(crate) said: Vec<Said>,
    pub(crate) choices: Vec<Choice>,
    pub(crate) asked: Vec<Question>,
    pub(crate) waited: Vec<Wait>,
}

impl Played {
    pub(crate) fn speakers(&self) -> Vec<&str> {
        self.choices.iter().map(|choice| choice.member.as_str()).collect()
    }

    /// With the room within in front: `ann`, `review#1:ben`.
    pub(crate) fn places(&self) -> Vec<String> {
        let place = |choice: &Choice| match choice.mark.path.as_str() {
            "" => choice.member.clone(),
            path => format!("{path}:{}", choice.member),
        };
        self.choices.iter().map(place).collect()
    }

    pub(crate) fn reason(&self, turn: usize) -> &str {
        &self.choices[turn].reason
    }

    pub(crate) fn fallback(&self, turn: usize) -> &str {
        self.choices[turn].fallback.as_deref().unwrap_or("none")
    }

    /// What the speaker of a turn was shown.
    pub(crate) fn shown(&self, turn: usize) -> Vec<String> {
        let line = |line: &rooms::record::Line| format!("{}: {}", line.from, line.text);
        self.choices[turn].shown.iter().map(line).collect()
    }
}

/// With what was said in it.
pub(crate) fn recorded<'a>(room: &'a Room, said: &[Said]) -> State<'a> {
    State { said: said.to_vec(), ..opened(room) }
}

/// Plays until the room is done.
pub(crate) fn play(room: &Room, script: &Script<'_>) -> Played {
    let mut state = opened(room);
    let mut played = Played { said: vec![], choices: vec![], asked: vec![], waited: vec![] };
    let mut now = at(0);
    let mut event = Event::Tick;
    for _ in 0..5_000 {
        let turn = played.choices.len();
        event = match decide(&mut state, event, now) {
            Action::Done => {
                played.said = state.said;
                return played;
            }
            Action::Ask(question) => {
                assert!(!question.candidates.is_empty());
                if matches!(question.about, About::Speaker { .. }) {
                    assert!(question.candidates.len() > 1, "one is not worth a question");
                }
                let text = (script.answers)(turn, &question);
                let path = question.path.clone();
                played.asked.push(question);
                Event::Answered(Answered { path, answer: Answer::model(text.as_deref()) })
            }
            Action::Wait(wait) => {
                assert!(now < wait.until);
                let path = wait.path.clone();
                let named = (script.person)(turn, &wait);
                if named.is_none() {
                    now = wait.until;
                }
                played.waited.push(wait);
                match named {
                    None => Event::Tick,
                    Some(member) => {
                        let answer = Answer::Person { member, by: "eve".into() };
                        Event::Answered(Answered { path, answer })
                    }
                }
            }
            Action::Speak(choice) => {
                let said = Said {
                    member: choice.member.clone(),
                    text: (script.says)(turn, &choice),
                    tools: (script.tools)(turn, &choice),
                    tokens: 10,
                    micros: 3,
                    at: now,
                    mark: choice.mark.clone(),
                };
                played.choices.push(choice);
                now = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
                Event::Said(said)
            }
        };
    }
    panic!("the room does not end: {:?}", played.choices.last());
}

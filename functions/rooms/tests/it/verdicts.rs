//! A hand-made set of rooms, English and Dutch, with and without marked positions: what is each?
//! Printed with what the measure says. The first time eight of ten were judged right. Since then a
//! `not` counts for its whole clause ("opposite with the same words"), positions are no repeats, and
//! the echoing room was reworded twice, because its turns did repeat each other. So this set shows
//! that the judgement holds, and no longer how good it is on rooms that it has not seen.

use rooms::analysis::{Verdict, analyse};
use rooms::{Mark, Said};

use crate::hall::at;

struct Case {
    name: &'static str,
    is: Verdict,
    first_takes: bool,
    /// Spoken by three in turn.
    says: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "yields, unmarked",
        is: Verdict::FakeConsensus,
        first_takes: true,
        says: &[
            "We should rewrite the importer in Rust before summer.",
            "The importer is fine; customers complain about slow invoices.",
            "Hiring a tester matters more than any code this year.",
            "So we rewrite the importer in Rust before summer.",
            "Agreed, rewrite the importer in Rust before summer.",
            "Yes, we should rewrite the importer in Rust before summer.",
        ],
    },
    Case {
        name: "yields, Dutch",
        is: Verdict::FakeConsensus,
        first_takes: true,
        says: &[
            "We moeten de bakkerij op zondag openen, want de markt is dan vol.",
            "Zonder tweede oven kunnen we nooit genoeg brood bakken.",
            "Het personeel heeft al drie weekenden achter elkaar gewerkt.",
            "Dus de bakkerij gaat op zondag open, want de markt is vol.",
            "Eens: de bakkerij moet op zondag openen, de markt is dan vol.",
            "Prima, op zondag openen we de bakkerij, want de markt is vol.",
        ],
    },
    Case {
        name: "argues, Dutch",
        is: Verdict::Debate,
        first_takes: true,
        says: &[
            "We moeten de bakkerij op zondag openen, want de markt is dan vol.",
            "Zonder tweede oven kunnen we nooit genoeg brood bakken.",
            "Het personeel heeft al drie weekenden achter elkaar gewerkt.",
            "Een leasecontract voor een oven kost 300 per maand en levert binnen een week.",
            "De stroomaansluiting in de kelder trekt geen tweede oven, de installateur mat 40 ampère.",
            "Twee stagiairs van het vakcollege willen zondags ervaring opdoen, met begeleiding.",
        ],
    },
    Case {
        name: "argues and agrees",
        is: Verdict::Agreement,
        first_takes: true,
        says: &[
            "Keep the monolith.\nPOSITION: keep the monolith",
            "Split billing out, deploys block each other.\nPOSITION: split billing out",
            "Split everything.\nPOSITION: split everything",
            "Deploy logs show eleven blocked releases in May, nine of them by invoices.\nPOSITION: split billing out",
            "A separate ledger also satisfies the auditor's segregation rule.\nPOSITION: split billing out",
            "Search, login and catalogue share one cache, so tearing those apart doubles latency.\nPOSITION: split billing out",
        ],
    },
    Case {
        name: "agrees from the start",
        is: Verdict::Agreement,
        first_takes: true,
        says: &[
            "Passwords leaked, rotate them tonight.\nPOSITION: rotate passwords tonight",
            "Tonight, all of them.\nPOSITION: rotate all passwords tonight",
            "Rotate, then tell customers.\nPOSITION: rotate passwords tonight",
            "I can script the rotation by nine.\nPOSITION: rotate passwords tonight",
            "Support drafts a notice with legal.\nPOSITION: rotate passwords tonight",
            "Monitoring watches failed sign-ins until Friday.\nPOSITION: rotate passwords tonight",
        ],
    },
    Case {
        name: "opposite with the same words",
        is: Verdict::Debate,
        first_takes: true,
        says: &[
            "POSITION: ship the release on Friday",
            "POSITION: do not ship the release on Friday",
            "POSITION: never ship a release on Friday",
            "Customers wait for the discount module since April.\nPOSITION: ship the release on Friday",
            "Nobody is on call during the weekend festival.\nPOSITION: do not ship the release on Friday",
            "The rollback script failed twice in rehearsal.\nPOSITION: never ship a release on Friday",
        ],
    },
    Case {
        name: "circles of two remarks",
        is: Verdict::Loop,
        first_takes: false,
        says: &[
            "Could you clarify the budget for the conference?",
            "The budget depends on the number of visitors.",
            "How many visitors does the hall hold?",
            "Could you please clarify the budget for the conference?",
            "It depends on the number of visitors, the budget.",
            "And the hall, how many visitors does it hold?",
        ],
    },
    Case {
        name: "circles, Dutch",
        is: Verdict::Loop,
        first_takes: false,
        says: &[
            "Eerst moeten we weten wie de vergunning aanvraagt.",
            "De vergunning hangt af van het ontwerp van de gevel.",
            "Het ontwerp kan pas af zijn na de inspraakavond.",
            "Maar eerst moeten we weten wie de vergunning aanvraagt.",
            "De vergunning hangt toch af van het ontwerp van de gevel.",
            "En het ontwerp kan pas na de inspraakavond af zijn.",
        ],
    },
    Case {
        name: "one repeats a slogan, others go on",
        is: Verdict::Debate,
        first_takes: false,
        says: &[
            "Quality first, always.",
            "The boiler in hall two leaks since Tuesday.",
            "A plumber quoted 900 and can come tomorrow.",
            "Quality first, always.",
            "Tomorrow clashes with the inspection by the fire brigade.",
            "Then Thursday, with pumps rented from the harbour.",
        ],
    },
    Case {
        name: "echoes without first takes",
        is: Verdict::UnprovenAgreement,
        first_takes: false,
        says: &[
            "Shops near the harbour want red signs, customers notice red quickly.\nPOSITION: red signs",
            "Right, customers near the harbour notice signs quickly.\nPOSITION: red signs",
            "Right, shops want customers.\nPOSITION: red signs",
            "Harbour customers quickly want red.\nPOSITION: red signs",
            "Shops notice signs near customers, right.\nPOSITION: red signs",
            "Near the harbour, quickly noticed: right.\nPOSITION: red signs",
        ],
    },
];

fn said(case: &Case) -> Vec<Said> {
    let turn = |(turn, text): (usize, &&str)| Said {
        member: ["ann", "ben", "cas"][turn % 3].to_owned(),
        text: (*text).to_owned(),
        tools: vec![],
        tokens: 1,
        micros: 0,
        at: at(0),
        mark: Mark { path: String::new(), closing: false, answers: vec![], decided_at: at(0) },
    };
    case.says.iter().enumerate().map(turn).collect()
}

#[test]
fn rooms_are_judged_as_a_person_judges_them() {
    let mut wrong = Vec::new();
    for case in CASES {
        let found = analyse(&said(case), case.first_takes);
        let right = found.verdict == case.is;
        println!("{:<36} {:?} {:?}", case.name, found.verdict, found.agreement);
        if !right {
            wrong.push((case.name, found.verdict));
        }
    }
    println!("{} of {} judged right", CASES.len() - wrong.len(), CASES.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}

//! The help catalog `module-help.csv`: what can be run, in which phase, before and after what.
//!
//! Published catalogs are malformed: many rows have a cell fewer than the header. Six cells from
//! the right and five from the left always hold, so rows are read from both ends, and a row is
//! accepted if `required` is a truth value.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{CatalogRow, Edge};

pub(super) struct Catalog {
    pub(super) rows: Vec<CatalogRow>,
    /// Rows about the catalog itself.
    pub(super) meta: usize,
    pub(super) repaired: usize,
    /// Rows that cannot be read, with the line they stand on.
    pub(super) unreadable: Vec<u64>,
}

const FROM_LEFT: usize = 5;
const FROM_RIGHT: usize = 6;
const COLUMNS: usize = 13;

pub(super) fn read(text: &str, source: &str) -> Result<Catalog, String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(true).flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| error.to_string())?;
    if headers.get(0) != Some("module") || headers.get(1) != Some("skill") {
        return Err("its header is not that of a help catalog".to_owned());
    }
    let mut catalog = Catalog { rows: Vec::new(), meta: 0, repaired: 0, unreadable: Vec::new() };
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        let line = record.position().map_or(0, csv::Position::line);
        match row(&cells, source) {
            Some(row) if row.skill == "_meta" => catalog.meta += 1,
            Some(row) => {
                catalog.repaired += usize::from(cells.len() != COLUMNS);
                catalog.rows.push(row);
            }
            None => catalog.unreadable.push(line),
        }
    }
    Ok(catalog)
}

fn row(cells: &[&str], source: &str) -> Option<CatalogRow> {
    if cells.len() < FROM_LEFT + FROM_RIGHT {
        return None;
    }
    let (left, rest) = cells.split_at(FROM_LEFT);
    let (middle, right) = rest.split_at(rest.len() - FROM_RIGHT);
    let required = match right[3].to_lowercase().as_str() {
        "true" => true,
        "false" => false,
        _ => return None,
    };
    if left[1].is_empty() {
        return None;
    }
    let middle = |at: usize| middle.get(at).copied().unwrap_or_default().to_owned();
    Some(CatalogRow {
        module: left[0].to_owned(),
        skill: left[1].to_owned(),
        name: left[2].to_owned(),
        code: left[3].to_owned(),
        description: left[4].to_owned(),
        action: middle(0),
        args: middle(1),
        phase: right[0].to_owned(),
        preceded_by: skills(right[1]),
        followed_by: skills(right[2]),
        required,
        output_location: right[4].to_owned(),
        outputs: right[5].to_owned(),
        source: source.to_owned(),
    })
}

/// Several may be named, and one may carry an action: `a, b:status`.
fn skills(cell: &str) -> Vec<String> {
    cell.split([',', ';', '|'])
        .map(|name| name.split(':').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Each pair once, however many rows say it.
pub(super) fn edges(rows: &[CatalogRow]) -> Vec<Edge> {
    let mut edges = BTreeSet::new();
    for row in rows {
        for before in &row.preceded_by {
            edges.insert(Edge { from: before.clone(), to: row.skill.clone() });
        }
        for after in &row.followed_by {
            edges.insert(Edge { from: row.skill.clone(), to: after.clone() });
        }
    }
    edges.into_iter().collect()
}

/// The suggested order: phase by phase, within that along the edges, and where neither decides, row
/// by row. What may be run at any time is no part of it.
pub(super) fn plan(rows: &[CatalogRow], edges: &[Edge]) -> Vec<String> {
    let mut place: BTreeMap<&str, (u32, usize)> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(phase) = phase_rank(&row.phase) {
            place.entry(&row.skill).or_insert((phase, at));
        }
    }
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    let mut after: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| edge.from != edge.to) {
        let (from, to) = (edge.from.as_str(), edge.to.as_str());
        // An edge against the phases does not hold a skill back.
        if place.get(from).zip(place.get(to)).is_some_and(|(from, to)| from.0 == to.0) {
            *before.entry(to).or_default() += 1;
            after.entry(from).or_default().push(to);
        }
    }
    let mut phases: BTreeMap<u32, BTreeSet<(usize, &str)>> = BTreeMap::new();
    for (skill, (phase, at)) in &place {
        phases.entry(*phase).or_default().insert((*at, skill));
    }
    let mut plan = Vec::with_capacity(place.len());
    for waiting in phases.into_values() {
        in_phase(waiting, &mut before, &after, &mut plan);
    }
    plan
}

fn in_phase<'a>(
    mut waiting: BTreeSet<(usize, &'a str)>,
    before: &mut BTreeMap<&'a str, usize>,
    after: &BTreeMap<&'a str, Vec<&'a str>>,
    plan: &mut Vec<String>,
) {
    let free =
        |before: &BTreeMap<&str, usize>, skill: &str| before.get(skill).is_none_or(|n| *n == 0);
    let mut ready: BTreeSet<(usize, &str)> =
        waiting.iter().copied().filter(|(_, skill)| free(before, skill)).collect();
    let rows: BTreeMap<&str, usize> = waiting.iter().map(|(at, skill)| (*skill, *at)).collect();
    // Edges in a circle say nothing about who is first: there, the row decides.
    while let Some(next) = ready.pop_first().or_else(|| waiting.first().copied()) {
        waiting.remove(&next);
        ready.remove(&next);
        plan.push(next.1.to_owned());
        for skill in after.get(next.1).into_iter().flatten() {
            let left = before.entry(skill).or_default();
            *left = left.saturating_sub(1);
            let place = rows.get(skill).map(|at| (*at, *skill));
            if *left == 0
                && let Some(place) = place.filter(|place| waiting.contains(place))
            {
                ready.insert(place);
            }
        }
    }
}

/// Phases have been named by number (`2-planning`) and by word; both are the same four.
fn phase_rank(phase: &str) -> Option<u32> {
    let phase = phase.to_lowercase();
    let digits: String = phase.chars().take_while(char::is_ascii_digit).collect();
    if let Ok(number) = digits.parse::<u32>() {
        return Some(number.min(99));
    }
    match phase.as_str() {
        "" | "anytime" => None,
        "analysis" | "discover" => Some(1),
        "plan" | "planning" => Some(2),
        "solutioning" => Some(3),
        "ship" | "build" | "implementation" => Some(4),
        _ => Some(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "module,skill,display-name,menu-code,description,action,args,phase,preceded-by,followed-by,required,output-location,outputs\n";

    fn catalog(rows: &str) -> Catalog {
        read(&format!("{HEADER}{rows}"), "module-help.csv").unwrap()
    }

    #[test]
    fn a_row_with_a_cell_too_few_is_read_from_both_ends() {
        let catalog = catalog(
            "M,_meta,,,,,,,,,false,https://x.test,\nM,whole,W,WH,d,a,b,plan,x,y,true,o,p\nM,short,S,SH,\"d, e\",a,plan,,,false,o,p\nM,bad,row\nM,worse,a,b,c,d,e,f,g,h,perhaps,i,j\n",
        );
        assert_eq!((catalog.meta, catalog.repaired), (1, 1));
        assert_eq!(catalog.unreadable, [5, 6]);
        let short = &catalog.rows[1];
        assert_eq!(
            (short.action.as_str(), short.args.as_str(), short.phase.as_str()),
            ("a", "", "plan")
        );
        assert!(catalog.rows[0].required && !short.required);
    }

    #[test]
    fn edges_are_named_once_from_either_side() {
        let rows = catalog("M,a,A,A,d,,,ship,,b,false,,\nM,b,B,B,d,,,ship,a,,false,,\nM,c,C,C,d,,,ship,\"a, b:x\",,false,,\n").rows;
        let edges = edges(&rows);
        let pairs: Vec<_> =
            edges.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
        assert_eq!(pairs, [("a", "b"), ("a", "c"), ("b", "c")]);
    }

    #[test]
    fn the_plan_goes_by_phase_then_edge_then_row() {
        let rows = catalog(
            "M,late,A,A,d,,,ship,,,false,,\nM,second,A,A,d,,,plan,first,,false,,\nM,first,A,A,d,,,2-planning,,,false,,\nM,any,A,A,d,,,anytime,,,false,,\nM,third,A,A,d,,,plan,late,,false,,\nM,third,A,A,d,,,plan,,,false,,\nM,first,A,A,d,again,,plan,,,false,,\n",
        )
        .rows;
        assert_eq!(plan(&rows, &edges(&rows)), ["first", "second", "third", "late"]);
    }

    #[test]
    fn a_circle_of_edges_still_gives_a_plan() {
        let rows = catalog("M,a,A,A,d,,,plan,b,,false,,\nM,b,B,B,d,,,plan,a,,false,,\n").rows;
        assert_eq!(plan(&rows, &edges(&rows)), ["a", "b"]);
    }
}

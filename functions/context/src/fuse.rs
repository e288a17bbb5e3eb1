//! Several rankings made one: scores on a common scale, and a little for what stands beside a good
//! answer. Full text is one ranking; embeddings, where there are some, another.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Of a neighbour's score that an answer gets: measured on `LoCoMo` (research, models-ml.md §6).
const NEIGHBOUR: f64 = 0.3;

/// Ranks what it knows by how well it answers a text. Full text is a statement of the database;
/// this is for what is not.
pub trait Scorer {
    /// With the model and dimension, where there is one: vectors of two models are never compared.
    fn name(&self) -> String;
    fn score(&self, text: &str) -> Vec<(Uuid, f64)>;
}

/// The best first, at most `most`. `order` is how the candidates stand beside each other, if they
/// do: messages of a conversation, parts of a document.
pub fn fuse(rankings: &[(f64, Vec<(Uuid, f64)>)], order: &[Uuid], most: usize) -> Vec<Uuid> {
    let mut total: BTreeMap<Uuid, f64> = BTreeMap::new();
    for (weight, scores) in rankings {
        for (id, score) in standard(scores) {
            *total.entry(id).or_default() += weight * score;
        }
    }
    let of =
        |id: Option<&Uuid>| id.and_then(|id| total.get(id)).map_or(0.0, |score| score.max(0.0));
    let mut raised = total.clone();
    for (at, id) in order.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| order.get(before));
        let beside = of(before).max(of(order.get(at + 1)));
        if beside > 0.0 {
            *raised.entry(*id).or_default() += NEIGHBOUR * beside;
        }
    }
    let mut ranked: Vec<_> = raised.into_iter().collect();
    ranked.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    ranked.into_iter().take(most).map(|(id, _)| id).collect()
}

/// In standard deviations from the mean, from zero up: what one ranking does not know at all is no
/// worse than what it likes least.
fn standard(scores: &[(Uuid, f64)]) -> Vec<(Uuid, f64)> {
    let finite: Vec<_> = scores.iter().copied().filter(|(_, score)| score.is_finite()).collect();
    let count = u32::try_from(finite.len()).map_or(f64::MAX, f64::from);
    let mean = finite.iter().map(|(_, score)| score).sum::<f64>() / count;
    let spread = finite.iter().map(|(_, score)| (score - mean).powi(2)).sum::<f64>() / count;
    let deviation = spread.sqrt().max(f64::EPSILON);
    let least = finite.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
    finite.into_iter().map(|(id, score)| (id, (score - least) / deviation + 0.1)).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::fuse;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn two_rankings_on_different_scales_count_alike() {
        let words = (1.0, vec![(id(1), 9.0), (id(2), 8.0), (id(3), 0.0)]);
        let meaning = (1.0, vec![(id(1), 0.1), (id(2), 0.9), (id(3), 0.0)]);
        assert_eq!(fuse(&[words, meaning], &[], 2), [id(2), id(1)]);
    }

    #[test]
    fn what_stands_beside_a_good_answer_comes_before_what_does_not() {
        let words = vec![(1.0, vec![(id(5), 3.0), (id(9), 0.2), (id(1), 0.1)])];
        let order: Vec<_> = (1..10).map(id).collect();
        assert_eq!(fuse(&words, &order, 3)[0], id(5));
        assert!(fuse(&words, &order, 3)[1..].iter().all(|one| [id(4), id(6)].contains(one)));
        assert!(fuse(&[(1.0, vec![(id(1), f64::NAN)])], &[], 3).is_empty());
    }
}

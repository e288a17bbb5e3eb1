//! What a call costs, in whole micro-dollars.
//!
//! The table is `prices.json`: list prices without caching, batches or discounts, as of the date
//! in it. A model that is not in it has no price, which is not the same as costing nothing.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

const PRICES: &str = include_str!("prices.json");
const MILLION: i128 = 1_000_000;

/// Bedrock's geographic inference profiles. They share the regional price; `global.` has its own.
const GEOGRAPHIES: [&str; 6] = ["us.", "eu.", "apac.", "au.", "jp.", "in."];

/// Micro-USD per million tokens.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Price {
    pub input: i64,
    pub output: i64,
}

impl Price {
    const FREE: Self = Self { input: 0, output: 0 };

    /// Micro-USD for one call, rounded up: nothing that costs is shown as free.
    pub fn cost(self, input_tokens: u32, output_tokens: u32) -> i64 {
        let millionths = i128::from(self.input) * i128::from(input_tokens)
            + i128::from(self.output) * i128::from(output_tokens);
        i64::try_from((millionths + MILLION - 1) / MILLION).unwrap_or(i64::MAX)
    }
}

/// `None` when the table does not know: say so, never count it as 0.
pub fn price(provider: &str, model: &str) -> Option<Price> {
    match provider {
        "extractive" | "local" => Some(Price::FREE),
        "openai" => table()?.openai.get(model).copied(),
        "bedrock" => bedrock(&table()?.bedrock, model),
        _ => None,
    }
}

/// The day the table was taken, for the small print under a cost.
pub fn prices_as_of() -> Option<&'static str> {
    table().map(|table| table.as_of.as_str())
}

fn bedrock(prices: &HashMap<String, Price>, model: &str) -> Option<Price> {
    let base = GEOGRAPHIES.iter().find_map(|prefix| model.strip_prefix(prefix)).unwrap_or(model);
    let regional = || prices.get(&format!("regional.{base}"));
    prices.get(base).or_else(regional).copied()
}

#[derive(Deserialize)]
struct Table {
    as_of: String,
    bedrock: HashMap<String, Price>,
    openai: HashMap<String, Price>,
}

/// A test holds that the table parses; were it ever broken, nothing has a price.
fn table() -> Option<&'static Table> {
    static TABLE: OnceLock<Option<Table>> = OnceLock::new();
    TABLE.get_or_init(|| serde_json::from_str(PRICES).ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses_and_every_price_is_positive() {
        let table: Table = serde_json::from_str(PRICES).expect("prices.json");
        for (model, price) in table.bedrock.iter().chain(&table.openai) {
            assert!(price.input > 0 && price.output > 0, "{model} is free?");
        }
        assert_eq!(prices_as_of(), Some("2026-11-23"));
    }

    #[test]
    fn a_cost_is_rounded_up() {
        let nova_micro = price("bedrock", "eu.amazon.nova-micro-v1:0").expect("a price");
        assert_eq!(nova_micro.cost(1, 0), 1);
        assert_eq!(nova_micro.cost(1_000_000, 1_000_000), 35_000 + 140_000);
        assert_eq!(nova_micro.cost(0, 0), 0);
        let dear = Price { input: i64::MAX, output: i64::MAX };
        assert_eq!(dear.cost(u32::MAX, u32::MAX), i64::MAX);
    }

    #[test]
    fn an_unknown_model_has_no_price_and_a_local_one_is_free() {
        assert_eq!(price("openai", "gpt-of-tomorrow"), None);
        assert_eq!(price("openai-compatible", "gpt-4o"), None);
        assert_eq!(price("bedrock", "global.amazon.nova-micro-v1:0"), None);
        assert_eq!(price("extractive", "extractive-1"), Some(Price::FREE));
        assert_eq!(price("local", "smollm2-135m-instruct"), Some(Price::FREE));
    }

    #[test]
    fn a_geographic_profile_has_the_regional_price_and_a_global_one_its_own() {
        let model = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let cost = |id: String| price("bedrock", &id).expect("a price").input;
        assert_eq!(cost(model.to_owned()), 3_300_000);
        assert_eq!(cost(format!("eu.{model}")), 3_300_000);
        assert_eq!(cost(format!("global.{model}")), 3_000_000);
    }
}

//! The provider without weights, through the same door as the others.

use std::time::Duration;

use serde_json::Map;
use shared::llm::{Llm, Provider, Settings, price};

use crate::prompt;

#[tokio::test]
async fn without_any_setting_a_prompt_is_answered_from_its_own_words() {
    let settings = Settings {
        provider: Provider::Extractive,
        base_url: None,
        api_key: None,
        model: String::new(),
        context_tokens: 8000,
        timeout: Duration::from_mins(1),
        sampling: Map::new(),
    };
    let llm = Llm::from_settings(&settings).expect("a client");
    let question = "The well is dry in August. Rain fills it again.\n\nWhen is the well dry?";
    let answer = llm.complete(&prompt(question)).await.expect("an answer");
    assert!(answer.text.starts_with("# When is the well dry?\n"), "{}", answer.text);
    assert!(answer.text.contains("- The well is dry in August. [1]"), "{}", answer.text);
    assert_eq!((answer.provider, answer.model.as_str()), ("extractive", "extractive-1"));
    assert!(answer.usage_estimated && answer.calls == 1);
    let price = price(answer.provider, &answer.model).expect("a price");
    assert_eq!(price.cost(answer.input_tokens, answer.output_tokens), 0);
}

//! Changes of items, each with its condition: of all of them, or of none.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use uuid::Uuid;

use super::{Dynamo, Key, number, text, unavailable};
use crate::Result;

/// Others are at the same items: how often to come again, with a pause that grows.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(4);
/// Of what is only read, beyond the client's own tries, whose budget a bad minute uses up.
const READS: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_millis(150);

/// What is put into an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(i64),
    Text(String),
    Texts(Vec<String>),
}

/// An item as it was found; one that is not there has nothing.
#[derive(Clone, Debug, Default)]
pub struct Item(HashMap<String, AttributeValue>);

impl Item {
    pub fn is_there(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    pub fn texts(&self, name: &str) -> &[String] {
        self.0.get(name).and_then(|value| value.as_ss().ok()).map_or(&[], Vec::as_slice)
    }
}

/// One item's change. What an item has is named by the product, and no word of `DynamoDB`'s own.
#[derive(Clone, Debug)]
pub struct Change {
    key: Key,
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    delete: Vec<String>,
    conditions: Vec<String>,
    values: HashMap<String, AttributeValue>,
}

impl Change {
    pub fn of(key: Key) -> Self {
        Self {
            key,
            set: Vec::new(),
            add: Vec::new(),
            remove: Vec::new(),
            delete: Vec::new(),
            conditions: Vec::new(),
            values: HashMap::new(),
        }
    }

    #[must_use]
    pub fn set(mut self, name: &str, value: Value) -> Self {
        self.set.push(format!("{name} = :set_{name}"));
        self.with(&format!(":set_{name}"), value)
    }

    #[must_use]
    pub fn remove(mut self, name: &str) -> Self {
        self.remove.push(name.into());
        self
    }

    /// To a number, or to a set of texts.
    #[must_use]
    pub fn add(mut self, name: &str, value: Value) -> Self {
        self.add.push(format!("{name} :add_{name}"));
        self.with(&format!(":add_{name}"), value)
    }

    /// From a set of texts.
    #[must_use]
    pub fn delete(mut self, name: &str, value: Value) -> Self {
        self.delete.push(format!("{name} :delete_{name}"));
        self.with(&format!(":delete_{name}"), value)
    }

    /// Only if this is so, besides what was said before.
    #[must_use]
    pub fn when(mut self, condition: &str) -> Self {
        self.conditions.push(format!("({condition})"));
        self
    }

    /// What a condition calls `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.into(), attribute(value));
        self
    }

    fn update(&self) -> String {
        let clauses = [
            ("set", &self.set),
            ("add", &self.add),
            ("remove", &self.remove),
            ("delete", &self.delete),
        ];
        let said = clauses.iter().filter(|(_, parts)| !parts.is_empty());
        said.map(|(word, parts)| format!("{word} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn condition(&self) -> Option<String> {
        (!self.conditions.is_empty()).then(|| self.conditions.join(" and "))
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

#[derive(Debug)]
pub enum Changed {
    Done,
    /// Nothing was changed. For each change: the item whose condition did not hold, as it is.
    Refused(Vec<Option<Item>>),
}

impl Dynamo {
    /// As it is now, not as it was a moment ago.
    pub async fn item(&self, key: &Key) -> Result<Item> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(key.sk))
            .consistent_read(true);
        for again in 1..READS {
            if let Ok(found) = Box::pin(get.clone().send()).await {
                return Ok(Item(found.item.unwrap_or_default()));
            }
            tokio::time::sleep(super::PAUSE * again).await;
        }
        let found = Box::pin(get.send()).await.map_err(|error| unavailable(&error))?;
        Ok(Item(found.item.unwrap_or_default()))
    }

    /// Each of them as it is now, side by side.
    pub async fn items(&self, keys: &[Key]) -> Result<Vec<Item>> {
        futures_util::future::try_join_all(keys.iter().map(|key| self.item(key))).await
    }

    /// An answer may be lost and the change made all the same: the condition must not hold twice.
    pub async fn change(&self, change: &Change) -> Result<Changed> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&change.key.pk))
            .key("sk", text(change.key.sk))
            .update_expression(change.update())
            .set_condition_expression(change.condition())
            .set_expression_attribute_values(change.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = Box::pin(update.send()).await else { return Ok(Changed::Done) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let item = Item(failed.item().cloned().unwrap_or_default());
                Ok(Changed::Refused(vec![Some(item)]))
            }
            _ => Err(unavailable(&error)),
        }
    }

    /// All or none. Asked again under the same token, when an answer was lost, it is done once.
    pub async fn change_all(&self, changes: Vec<Change>) -> Result<Changed> {
        let token = Uuid::new_v4();
        let writes: Vec<_> = changes
            .into_iter()
            .map(|change| self.write(&change))
            .collect::<Result<_, _>>()
            .map_err(anyhow::Error::from)?;
        for again in 1..=TRIES {
            let transaction = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes.clone()))
                .client_request_token(token.to_string());
            let Err(error) = Box::pin(transaction.send()).await else { return Ok(Changed::Done) };
            if let Some(items) = refused(&error) {
                return Ok(Changed::Refused(items));
            }
            if again == TRIES || !is_passing(&error) {
                return Err(unavailable(&error));
            }
            tokio::time::sleep(pause(again, token)).await;
        }
        Ok(Changed::Refused(Vec::new()))
    }

    fn write(
        &self,
        change: &Change,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(&change.key.pk))
            .key("sk", text(change.key.sk))
            .update_expression(change.update())
            .set_condition_expression(change.condition())
            .set_expression_attribute_values(change.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }
}

/// Which conditions did not hold, if that is all that went wrong.
fn refused<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Vec<Option<Item>>> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) =
        error.as_service_error()?
    else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons();
    let failed = |code: Option<&str>| code == Some("ConditionalCheckFailed");
    if !reasons.iter().any(|reason| failed(reason.code())) {
        return None;
    }
    let items = reasons.iter().map(|reason| {
        failed(reason.code()).then(|| Item(reason.item().cloned().unwrap_or_default()))
    });
    Some(items.collect())
}

/// Others were at it, or there was too much at once, or nobody answered.
fn is_passing<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(service) = error.as_service_error() else { return true };
    match service {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let passing = |code: &str| {
                ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "None"]
                    .contains(&code)
            };
            cancelled.cancellation_reasons().iter().all(|one| one.code().is_none_or(passing))
        }
        TransactWriteItemsError::TransactionInProgressException(_)
        | TransactWriteItemsError::ProvisionedThroughputExceededException(_)
        | TransactWriteItemsError::RequestLimitExceeded(_)
        | TransactWriteItemsError::InternalServerError(_) => true,
        other => other.code().is_some_and(|code| code.starts_with("Throttling")),
    }
}

/// Spread by the token, so that those who met once do not meet again.
fn pause(again: u32, token: Uuid) -> Duration {
    let most = LONGEST_PAUSE.min(PAUSE * 2_u32.saturating_pow(again.min(8)));
    let dice = u64::from(token.as_bytes()[(again % 16) as usize]) + 1;
    Duration::from_micros(u64::try_from(most.as_micros()).unwrap_or_default() * dice / 256)
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Number(value) => number(value),
        Value::Text(value) => text(&value),
        Value::Texts(values) => AttributeValue::Ss(values),
    }
}

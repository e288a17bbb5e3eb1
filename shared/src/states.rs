//! Step Functions: start a run's execution, stop it.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata};
use serde_json::Value;

use crate::{Error, Result, aws, config};

pub struct States {
    client: Client,
    run_machine: String,
}

impl States {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let run_machine = config::run_state_machine()?;
        let aws = aws::signed("SFN", aws::client()?)?;
        Ok(Self { client: Client::new(&aws), run_machine })
    }

    /// Starts the execution called `name`. Starting it again with the same input is no error: the
    /// service itself answers with the one that is there, so a retry cannot start a second.
    pub async fn start(&self, name: &str, input: &Value) -> Result<String> {
        let request = self.client.start_execution().state_machine_arn(&self.run_machine);
        match request.name(name).input(input.to_string()).send().await {
            Ok(started) => Ok(started.execution_arn),
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(self.arn(name)),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Stops it; one that has ended, or never was, is stopped already.
    pub async fn stop(&self, name: &str, cause: &str) -> Result<()> {
        let request = self.client.stop_execution().execution_arn(self.arn(name)).cause(cause);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// An execution's ARN follows from its machine's.
    fn arn(&self, name: &str) -> String {
        format!("{}:{name}", self.run_machine.replacen(":stateMachine:", ":execution:", 1))
    }
}

fn unavailable<E: std::error::Error>(error: &E) -> Error {
    Error::Unavailable(anyhow::anyhow!("Step Functions: {}", DisplayErrorContext(error)))
}

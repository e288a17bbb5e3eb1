# Rows that the real tables do not have yet: a queue, and no state machine.

mock_provider "aws" {
  source = "./tests/mocks"
}

# The provider checks that a schedule's target looks like an ARN; the other functions keep random
# ones, so that no two are the same.
override_resource {
  target = module.function["letters-count"].aws_lambda_alias.live
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:scheduled:live" }
}

variables {
  stage                = "test"
  region               = "eu-west-1"
  functions            = "tests/fixtures/queue/functions"
  archives             = "tests/fixtures/empty.zip"
  auth_issuer          = "https://issuer.example/"
  sign_in              = { client_id = "web", public_url = "https://cadre.example" }
  sign_in_secret       = "secret"
  session_key          = "c2Vzc2lvbg=="
  auth_audience        = "https://api.example"
  auth_clients         = { people = ["spa"], machines = ["robot"], admin = ["spa"] }
  database_url         = "postgres://app@db.example/cadre"
  migrate_database_url = "postgres://owner@db.example/cadre"
  database_ca          = "/etc/ca.pem"
  redis_url            = "rediss://cache.example"
  model                = { provider = "extractive" }
}

run "a_queue_and_its_dead_letters" {
  assert {
    condition     = keys(aws_sqs_queue.work) == ["letters-post"] && aws_sqs_queue.work["letters-post"].name == "cadre-test-letters"
    error_message = "The row's queue is there, by its name."
  }

  assert {
    condition     = aws_sqs_queue.work["letters-post"].visibility_timeout_seconds == 180
    error_message = "A message stays hidden for six times the function's timeout."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.work["letters-post"].redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead["letters-post"].arn, maxReceiveCount = 5 }
    error_message = "After five attempts a message is a dead letter."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["letters-post"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One bad message does not send back its batch."
  }

  assert {
    condition     = toset(jsondecode(module.function["letters-post"].policy).Statement[0].Action) == toset(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
    error_message = "The function may take from its queue, and not put into it."
  }

  assert {
    condition     = length(aws_apigatewayv2_route.this) == 0 && length(aws_sfn_state_machine.this) == 0
    error_message = "Without routes and definitions there are no routes and machines."
  }
}

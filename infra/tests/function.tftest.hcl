# The module alone.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name               = "cadre-test-letters-post"
  archive            = { bucket = "code", key = "letters-post.zip", hash = "aGFzaA==" }
  architecture       = "arm64"
  memory             = 256
  timeout            = 30
  uses               = ["stamps"]
  log_retention_days = 7

  grants = {
    stamps = { statements = [{ actions = ["stamps:Lick"], resources = ["arn:stamp"] }], environment = { STAMPS = "drawer" } }
    seals  = { statements = [{ actions = ["seals:Break"], resources = ["arn:seal"] }], environment = { SEALS = "desk" } }
  }
}

run "rights" {
  module {
    source = "./modules/function"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.grants.policy).Statement == [
      { Effect = "Allow", Action = ["stamps:Lick"], Resource = ["arn:stamp"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.this.arn}:*"] },
      { Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = ["*"] },
    ]
    error_message = "It may do what it uses, write its own log, and be traced."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ STAMPS = "drawer" })
    error_message = "It is told where the things are that it uses."
  }

  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.live.name == "live" && aws_cloudwatch_log_group.this.retention_in_days == 7
    error_message = "A version for each deployment, an alias to call, a log that ends."
  }
}

run "an_unknown_capability" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    uses = ["stamps", "pigeon"]
  }

  expect_failures = [var.uses]
}

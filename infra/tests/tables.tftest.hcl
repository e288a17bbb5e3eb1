# The real tables: every row has become what it says.

mock_provider "aws" {
  source = "./tests/mocks"
}

# The provider checks that a schedule's target looks like an ARN; the other functions keep random
# ones, so that no two are the same.
override_resource {
  target = module.function["runs-dispatch"].aws_lambda_alias.live
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:dispatch:live" }
}

override_resource {
  target = module.function["provisioning-push"].aws_lambda_alias.live
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:push:live" }
}

override_resource {
  target = module.function["provisioning-drift"].aws_lambda_alias.live
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:drift:live" }
}

variables {
  stage                = "test"
  region               = "eu-west-1"
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

run "every_row" {
  assert {
    condition     = length(local.functions) > 0 && keys(module.function) == keys(local.functions)
    error_message = "Each row is one function."
  }

  assert {
    condition     = alltrue([for name, f in module.function : f.name == "cadre-test-${name}" && f.role == f.name && f.log_group == "/aws/lambda/${f.name}"])
    error_message = "Each function has a role and a log group of its own, by its name."
  }

  assert {
    condition = alltrue([
      for name, row in local.functions : sort(flatten([for s in jsondecode(module.function[name].policy).Statement : s.Action])) == sort(concat(
        ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        contains(row.uses, "dynamo") ? ["dynamodb:DeleteItem", "dynamodb:PutItem"] : [],
        contains(row.uses, "spend") ? ["dynamodb:GetItem", "dynamodb:UpdateItem"] : [],
        contains(row.uses, "states") ? ["states:StartExecution", "states:StopExecution"] : [],
        can(row.schedule) ? ["sqs:SendMessage"] : [],
        can(row.queue) ? ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] : [],
      ))
    ])
    error_message = "A function may do what its row uses and its trigger needs, and nothing else."
  }

  assert {
    condition = alltrue(flatten([
      for name, row in local.functions : [
        for variable, capability in {
          DATABASE_URL          = "db"
          MIGRATE_DATABASE_URL  = "owner-db"
          MODEL_API_KEY         = "llm"
          RUN_STATE_MACHINE_ARN = "states"
        } : contains(module.function[name].environment, variable) == contains(row.uses, capability)
      ]
    ]))
    error_message = "A function knows the address of what its row uses, and no other."
  }

  assert {
    condition = alltrue([
      for name, row in local.functions :
      contains(module.function[name].environment, "DYNAMODB_TABLE") == (contains(row.uses, "dynamo") || contains(row.uses, "spend"))
    ])
    error_message = "A function knows the table if it keeps answers in it, or accounts."
  }

  assert {
    condition     = alltrue([for name, row in local.functions : contains(module.function[name].environment, "REDIS_URL") == (can(row.route) || contains(row.uses, "redis"))])
    error_message = "A function knows Redis if it has a route, or uses it."
  }
}

run "routes" {
  command = plan

  assert {
    condition     = { for name, route in aws_apigatewayv2_route.this : name => route.route_key } == { for name, row in local.functions : name => row.route if can(row.route) && !try(row.stream, false) }
    error_message = "Each row with a route is a route of the API, but for those that stream."
  }

  assert {
    condition     = alltrue([for name, route in aws_apigatewayv2_route.this : route.authorization_type == "NONE"])
    error_message = "The function is the authority on who calls: the gateway cannot read API keys and cookies."
  }

  assert {
    condition     = [for name, row in local.routes : name if row.permission == "public"] == ["identity-callback", "identity-login", "identity-refresh", "identity-style", "platform-health", "platform-openapi"]
    error_message = "These are public, and no other: think twice before you add to this list."
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == var.requests_per_second && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == var.requests_per_second * 2
    error_message = "What is not asked who it is, is throttled all the same."
  }

  assert {
    condition     = length(aws_apigatewayv2_api.this.cors_configuration) == 0
    error_message = "Nobody's pages may call unless they are listed."
  }

  assert {
    condition     = alltrue([for name in keys(local.functions) : contains(module.function[name].environment, "AUTH_ISSUER") == contains(keys(local.guarded), name)])
    error_message = "A function knows the issuer exactly if its route is guarded."
  }

  assert {
    condition     = keys(aws_lambda_permission.api) == keys(aws_apigatewayv2_route.this)
    error_message = "The gateway may call exactly the functions that have a route there."
  }
}

run "streams" {
  command = plan

  assert {
    condition     = keys(aws_lambda_function_url.stream) == ["runs-stream"] && keys(aws_lambda_function_url.stream) == [for name, row in local.functions : name if try(row.stream, false)]
    error_message = "What streams has an address of its own, and nothing else has: think twice before you add to this list."
  }

  assert {
    condition     = alltrue([for name, url in aws_lambda_function_url.stream : url.invoke_mode == "RESPONSE_STREAM" && url.authorization_type == "NONE" && url.qualifier == "live"])
    error_message = "It sends bit by bit, by the alias; the function is the authority on who calls."
  }

  assert {
    condition     = alltrue([for name in keys(local.streams) : local.functions[name].permission != "public" && contains(module.function[name].environment, "AUTH_ISSUER")])
    error_message = "Nobody stands before a function URL, so the function asks who calls."
  }

  assert {
    condition     = keys(aws_lambda_permission.stream_url) == keys(local.streams) && keys(aws_lambda_permission.stream) == keys(local.streams)
    error_message = "Everybody may knock there, and at no other function."
  }

  assert {
    condition     = length(setintersection(keys(aws_apigatewayv2_route.this), keys(local.streams))) == 0
    error_message = "The gateway would answer when the run is over."
  }
}

run "origins" {
  command = plan

  variables {
    cors_origins = ["https://app.example"]
  }

  assert {
    condition     = aws_apigatewayv2_api.this.cors_configuration[0].allow_origins == toset(["https://app.example"])
    error_message = "The gateway answers for the listed origins."
  }

  assert {
    condition     = alltrue([for name, row in local.functions : contains(module.function[name].environment, "CORS_ORIGINS") == can(row.route)])
    error_message = "Each function with a route knows them too."
  }
}

run "no_wildcards" {
  command = plan

  variables {
    cors_origins = ["*"]
  }

  expect_failures = [var.cors_origins]
}

run "state_machines" {
  assert {
    condition     = toset(keys(aws_sfn_state_machine.this)) == toset([for file in fileset(local.root, "*/workflows/*.asl.json") : trimsuffix(basename(file), ".asl.json")])
    error_message = "Each definition is one state machine."
  }

  assert {
    condition     = alltrue(flatten([for name, tasks in local.tasks : [for task in tasks : strcontains(aws_sfn_state_machine.this[name].definition, module.function[task].arn)]]))
    error_message = "Every hole of a definition holds the function's ARN."
  }

  assert {
    condition = alltrue([
      for name, tasks in local.tasks :
      toset(jsondecode(aws_iam_role_policy.workflow[name].policy).Statement[0].Resource) == toset([for task in tasks : module.function[task].arn])
    ])
    error_message = "A machine may call the functions it names."
  }

  assert {
    condition     = toset(local.tasks["run"]) == toset(["runs-fail", "runs-finish", "runs-plan", "runs-room", "runs-step"])
    error_message = "The run machine calls five functions."
  }

  assert {
    condition     = length(toset([for f in module.function : f.arn])) == length(module.function)
    error_message = "The two above would mean nothing if the mocked ARNs were all the same."
  }

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.this : machine.logging_configuration[0].level == "ALL" && !machine.logging_configuration[0].include_execution_data && machine.tracing_configuration[0].enabled])
    error_message = "Executions are logged and traced, without their data."
  }

  assert {
    condition     = local.run_machine == "arn:aws:states:eu-west-1:111122223333:stateMachine:${aws_sfn_state_machine.this["run"].name}"
    error_message = "The functions that start runs know the machine by the name it gets."
  }
}

run "schedules" {
  command = plan

  assert {
    condition     = { for name, schedule in aws_scheduler_schedule.this : name => schedule.schedule_expression } == { for name, row in local.functions : name => row.schedule if can(row.schedule) }
    error_message = "Each row with a schedule has one."
  }

  assert {
    condition     = keys(aws_lambda_function_event_invoke_config.schedule) == keys(local.schedules)
    error_message = "What a scheduled function fails at is kept."
  }
}

run "bedrock" {
  command = plan

  variables {
    model = { provider = "bedrock", name = "some.model", arns = ["arn:aws:bedrock:eu-west-1::foundation-model/some.model"] }
  }

  assert {
    condition     = local.grants.llm.statements[0] == { actions = ["bedrock:InvokeModel"], resources = var.model.arns }
    error_message = "With Bedrock, `llm` is the right to call the models that are named."
  }
}

run "bedrock_without_a_model" {
  command = plan

  variables {
    model = { provider = "bedrock" }
  }

  expect_failures = [var.model]
}

run "a_cache_that_knows_us_by_iam" {
  command = plan

  variables {
    redis = { cluster = true, iam = { user = "cadre", cache = "fast" } }
  }

  assert {
    condition = alltrue([
      for name, row in local.functions :
      length([for s in jsondecode(module.function[name].policy).Statement : s if s.Action == ["elasticache:Connect"] || s.Action == "elasticache:Connect"]) == (can(row.route) || contains(row.uses, "redis") ? 1 : 0)
    ])
    error_message = "Whoever counts requests in Redis may connect to it, once, and nobody else."
  }

  assert {
    condition     = local.gate.environment["REDIS_IAM_CACHE"] == "fast" && local.gate.environment["REDIS_CLUSTER"] == "true" && !can(local.gate.environment["REDIS_CA"])
    error_message = "What is set is said, and what is not set is left out."
  }
}

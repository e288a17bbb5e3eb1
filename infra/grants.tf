# Each capability that a row may `use`, spelled out once: what it may do, and where the thing is.
# The names are those of shared/src/config.rs.
locals {
  # Made from its name: the machine's definition names functions, and functions name the machine.
  run_machine = "arn:${local.partition}:states:${var.region}:${local.account}:stateMachine:${local.prefix}-run"

  caches = "arn:${local.partition}:elasticache:${var.region}:${local.account}"

  grants = {
    # PostgreSQL knows its callers by password, not by IAM; Redis by either.
    db = {
      statements = []
      environment = {
        DATABASE_URL = var.database_url
        DATABASE_CA  = var.database_ca
      }
    }

    owner-db = {
      statements = []
      environment = {
        MIGRATE_DATABASE_URL = var.migrate_database_url
        DATABASE_CA          = var.database_ca
      }
    }

    redis = {
      statements = [for iam in compact([try(var.redis.iam.user, null)]) : {
        actions = ["elasticache:Connect"]
        resources = [
          "${local.caches}:${var.redis.iam.serverless ? "serverlesscache" : "replicationgroup"}:${var.redis.iam.cache}",
          "${local.caches}:user:${var.redis.iam.user}",
        ]
      }]
      environment = merge(
        { REDIS_URL = var.redis_url },
        { for name, value in {
          REDIS_CA             = var.redis.ca
          REDIS_CLUSTER        = var.redis.cluster
          REDIS_SENTINEL       = var.redis.sentinel
          REDIS_IAM_USER       = try(var.redis.iam.user, null)
          REDIS_IAM_CACHE      = try(var.redis.iam.cache, null)
          REDIS_IAM_SERVERLESS = try(var.redis.iam.serverless, null)
        } : name => tostring(value) if value != null },
      )
    }

    sign-in = {
      statements = []
      environment = {
        AUTH_CLIENT_ID     = var.sign_in.client_id
        AUTH_CLIENT_SECRET = var.sign_in_secret
        PUBLIC_URL         = var.sign_in.public_url
        SESSION_KEY        = var.session_key
      }
    }

    # No right to read alone: an item that stands in the way comes with the refusal.
    dynamo = {
      statements = [
        { actions = ["dynamodb:PutItem", "dynamodb:DeleteItem"], resources = [aws_dynamodb_table.this.arn] },
      ]
      environment = { DYNAMODB_TABLE = aws_dynamodb_table.this.name }
    }

    # Accounts and leases of what may be spent. A transaction needs the rights of what is in it.
    spend = {
      statements = [
        { actions = ["dynamodb:GetItem", "dynamodb:UpdateItem"], resources = [aws_dynamodb_table.this.arn] },
      ]
      environment = { DYNAMODB_TABLE = aws_dynamodb_table.this.name }
    }

    llm = {
      statements = [for _ in ["bedrock"] : {
        actions   = ["bedrock:InvokeModel"]
        resources = var.model.arns
      } if var.model.provider == "bedrock"]
      environment = {
        MODEL_PROVIDER        = var.model.provider
        MODEL_BASE_URL        = var.model.base_url
        MODEL_NAME            = var.model.name
        MODEL_API_KEY         = var.model_api_key
        MODEL_CONTEXT_TOKENS  = tostring(var.model.context_tokens)
        MODEL_TIMEOUT_SECONDS = tostring(var.model.timeout_seconds)
      }
    }

    # The issuer's Management API; without an address nobody is told there whom SCIM brings.
    management = {
      statements = []
      environment = {
        MANAGEMENT_URL           = var.management.url
        MANAGEMENT_CLIENT_ID     = var.management.client_id
        MANAGEMENT_CLIENT_SECRET = var.management_client_secret
        MANAGEMENT_CONNECTION    = var.management.connection
        MANAGEMENT_PER_SECOND    = tostring(var.management.per_second)
        MANAGEMENT_BURST         = tostring(var.management.burst)
      }
    }

    states = {
      statements = [
        { actions = ["states:StartExecution"], resources = [local.run_machine] },
        { actions = ["states:StopExecution"], resources = ["${replace(local.run_machine, ":stateMachine:", ":execution:")}:*"] },
      ]
      environment = { RUN_STATE_MACHINE_ARN = local.run_machine }
    }
  }
}

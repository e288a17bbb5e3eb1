# The state holds addresses with passwords: it belongs in an encrypted bucket, named at `terraform init`.
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  backend "s3" {
    key          = "cadre/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

-- Browser sessions: the cookie's digest, what the issuer said, and a refresh token that only the
-- functions of `identity` can open.

create table sessions (
    tenant_id     uuid        not null default sec.tenant() references tenants,
    id            uuid        not null,                         -- what lists and the audit trail name
    digest        text        not null,                         -- SHA-256 of the cookie's secret
    user_id       uuid        not null,
    sub           text        not null,
    org_id        text        not null,
    client        text,                                         -- whom the issuer gave the tokens to
    admin_client  boolean     not null,
    permissions   text[]      not null,                         -- of the newest access token
    factors       text[]      not null,                         -- 'pwd', 'mfa', …
    acr           text,
    signed_in_at  timestamptz,                                  -- when the person showed who they are
    profile       jsonb       not null,                         -- name, mail and roles for the account page
    refresh       bytea,                                        -- sealed; null: none, or taken back
    refreshing_at timestamptz,                                  -- a lease: one exchange at a time
    agent         text        not null,                         -- the browser, as it calls itself
    started_at    timestamptz not null default now(),
    seen_at       timestamptz not null default now(),
    fresh_until   timestamptz not null,                         -- the access token's end
    until         timestamptz not null,
    ended_at      timestamptz,
    ended_why     text,
    primary key (tenant_id, id),
    unique (tenant_id, digest),
    foreign key (tenant_id, user_id) references users,
    check ((ended_at is null) = (ended_why is null)),
    check (ended_at is null or refresh is null)
);

create index sessions_of_user on sessions (tenant_id, user_id, id) where ended_at is null;

alter table sessions enable row level security;
alter table sessions force  row level security;
create policy tenant on sessions using (tenant_id = sec.tenant()) with check (tenant_id = sec.tenant());
grant select, insert, update on sessions to app;

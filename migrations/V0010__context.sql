-- Context: what agents are told besides their task, in layers; who else may see it; and the
-- functions that a turn reads it with. The layer `global` is the product's own and not in here.

-- How words of a language are compared.
create function context_words(language text) returns regconfig
language sql immutable parallel safe
as $$ select case split_part(language, '-', 1) when 'nl' then 'dutch'::regconfig
                                               when 'en' then 'english'::regconfig
                                               else 'simple'::regconfig end $$;

create table context_entries (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    layer           text        not null check (layer in ('tenant', 'workflow', 'user', 'session')),
    owner           uuid        not null,                      -- the tenant, workflow, user; run or conversation
    name            text        not null check (name ~ '^[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9])?$'),
    kind            text        not null,
    value           jsonb       not null,                      -- a text, or what its schema allows
    schema          jsonb,                                     -- what every value under the name must fit
    load            jsonb       not null,                      -- {when: always, rule, reference or query}
    language        text        not null,
    provenance      jsonb       not null,                      -- {from, source}
    version         integer     not null default 1,            -- what a version says never changes
    expires_at      timestamptz,
    written_by      uuid        not null,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz,
    words           tsvector    not null generated always as (
        to_tsvector(case split_part(language, '-', 1) when 'nl' then 'dutch'::regconfig
                                                      when 'en' then 'english'::regconfig
                                                      else 'simple'::regconfig end,
                    translate(name, '-_.', '   ') || ' ' || coalesce(value #>> '{}', ''))) stored,
    primary key (tenant_id, id),
    foreign key (tenant_id, written_by) references users
);
create unique index entry_name_key on context_entries (tenant_id, layer, owner, name)
    where deleted_at is null;

-- Who else may see an entry, or all of an owner's. Reading joins this table each time, so what is
-- revoked is gone with the commit.
create table context_grants (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    layer           text        not null,
    owner           uuid        not null,
    name            text        not null default '',           -- empty: all of the owner's
    reader          text        not null check (reader in ('agent', 'workflow', 'user', 'session')),
    reader_id       uuid        not null,
    granted_by      uuid        not null,
    created_at      timestamptz not null default now(),
    revoked_at      timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, granted_by) references users
);
create unique index grant_key on context_grants (tenant_id, reader, reader_id, layer, owner, name)
    where revoked_at is null;
create index context_grants_by_owner on context_grants (tenant_id, layer, owner);

do $$
declare
    name text;
begin
    foreach name in array array['context_entries', 'context_grants']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = sec.tenant())
                        with check (tenant_id = sec.tenant())', name);
        execute format('grant select, insert, update on %I to app', name);
    end loop;
end
$$;

-- An entry as the functions know it.
create function context_body(e context_entries) returns jsonb
language sql stable
as $$
    select jsonb_build_object(
        'id', e.id, 'layer', e.layer, 'owner', e.owner, 'name', e.name, 'kind', e.kind,
        'value', e.value, 'schema', e.schema, 'load', e.load, 'language', e.language,
        'provenance', e.provenance, 'version', e.version, 'expires_at', e.expires_at,
        'updated_at', e.updated_at)
$$;

-- What the speaker of a turn may see: its layers, and what was granted to it, to its workflow, its
-- user or its room. Who asks says what it has read before; that comes without its text. What expired
-- lately comes too, to be told of.
create function context_of_turn(
    tenant uuid, run uuid, conversation uuid, agent uuid, known uuid[], versions integer[]
)
returns table (
    id uuid, version integer, granted boolean, workflow text, at timestamptz, body jsonb
)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    r   record;
begin
    perform set_config('app.tenant_id', context_of_turn.tenant::text, true);
    select runs.workflow_id, runs.started_by, w.slug into r
    from runs join workflows w on w.id = runs.workflow_id
    where runs.id = context_of_turn.run;
    if not found then
        return;
    end if;
    return query
        with scopes (layer, owner) as (
            values ('tenant', context_of_turn.tenant), ('workflow', r.workflow_id),
                   ('user', r.started_by), ('session', context_of_turn.run),
                   ('session', context_of_turn.conversation)
        ), readers (reader, reader_id) as (
            values ('agent', context_of_turn.agent), ('workflow', r.workflow_id),
                   ('user', r.started_by), ('session', context_of_turn.run),
                   ('session', context_of_turn.conversation)
        ), seen as (
            select e.id, false as granted
            from scopes s
            join context_entries e on e.layer = s.layer and e.owner = s.owner
            where e.deleted_at is null
            union all
            select e.id, true
            from readers x
            join context_grants g on g.reader = x.reader and g.reader_id = x.reader_id
            join context_entries e on e.layer = g.layer and e.owner = g.owner
             and (g.name = '' or g.name = e.name)
            where g.revoked_at is null and e.deleted_at is null
              and not exists (select from scopes s where s.layer = e.layer and s.owner = e.owner)
        )
        select e.id, e.version, bool_and(s.granted), r.slug, now(),
               case when bool_or(k.id is not null) then null else context_body(e) end
        from seen s
        join context_entries e on e.id = s.id
        left join unnest(context_of_turn.known, context_of_turn.versions) k (id, version)
          on k.id = e.id and k.version = e.version
        where e.expires_at is null or e.expires_at > now() - interval '1 day'
        group by e.tenant_id, e.id
        order by e.updated_at desc
        limit 2000;
end
$$;

-- The best answers to a text among these entries, by BM25 over stems: each entry's words are
-- compared as its own language does, so one question finds Dutch and English. Where compounds are
-- written as one word, a part of four letters counts for half. `ts_rank` is not that: it knows
-- neither how rare a word is nor how long a text.
create function context_search(tenant uuid, entries uuid[], question text, most integer)
returns table (id uuid, score double precision)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
    perform set_config('app.tenant_id', context_search.tenant::text, true);
    return query
        with seen as (
            select e.id, e.words, length(e.words)::double precision as size,
                   context_words(e.language) as config
            from context_entries e
            where e.id = any (context_search.entries) and e.deleted_at is null
        ), asked as (
            select c.config, l.lexeme
            from (values ('english'::regconfig), ('dutch'::regconfig), ('simple'::regconfig)) c (config)
            cross join lateral unnest(to_tsvector(c.config, context_search.question)) l
        ), hits as (
            select s.id, s.size, s.config, a.lexeme,
                   sum(cardinality(w.positions) * case when a.lexeme = w.lexeme then 1.0 else 0.5 end)
                       ::double precision as times
            from seen s
            cross join lateral unnest(s.words) w
            join asked a on a.config = s.config
             and (a.lexeme = w.lexeme
                  or s.config <> 'english'::regconfig
                     and length(a.lexeme) >= 4 and length(w.lexeme) >= 4
                     and (starts_with(a.lexeme, w.lexeme) or starts_with(w.lexeme, a.lexeme)
                          or right(a.lexeme, length(w.lexeme)) = w.lexeme
                          or right(w.lexeme, length(a.lexeme)) = a.lexeme))
            group by s.id, s.size, s.config, a.lexeme
        ), rare as (
            select h.config, h.lexeme, count(*)::double precision as entries
            from hits h
            group by h.config, h.lexeme
        ), whole as (
            select count(*)::double precision as entries, greatest(avg(size), 1) as size from seen
        )
        select h.id, sum(ln(1 + (a.entries - r.entries + 0.5) / (r.entries + 0.5))
                         * h.times * 2.2 / (h.times + 1.2 * (0.25 + 0.75 * h.size / a.size)))
        from hits h
        join rare r on r.config = h.config and r.lexeme = h.lexeme
        cross join whole a
        group by h.id
        order by 2 desc, 1
        limit context_search.most;
end
$$;

do $$
declare
    name regproc;
begin
    foreach name in array array['context_words', 'context_body', 'context_of_turn', 'context_search']
    loop
        execute format('revoke execute on function %s from public', name::regprocedure);
        execute format('grant execute on function %s to app', name::regprocedure);
    end loop;
end
$$;

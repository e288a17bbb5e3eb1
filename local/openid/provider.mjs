// The laptop's OpenID provider: Auth0's shape (issuer with a slash, org_id, permissions), nobody's account.
//
// Everything it must know comes as JSON in PROVIDER_SETTINGS:
//   { port, modules, functions, keys, machine_secret }
// Real flows only: client credentials, and authorization code + PKCE through its own HTML forms.

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(process.env.PROVIDER_SETTINGS);
const resolve = createRequire(join(settings.modules, 'here.js')).resolve;
const { Provider } = await import(pathToFileURL(resolve('oidc-provider')));

const AUDIENCE = 'https://api.cadre.local';
const TOKEN_SECONDS = 8 * 60 * 60;

const everything = () => true;
const reading = (permission) => permission.endsWith(':read');
const people = {
  'ada@example.test': { org_id: 'org_demo', may: everything },
  'bob@example.test': { org_id: 'org_other', may: everything },
  'eve@example.test': { org_id: 'org_demo', may: reading },
};
const machine = { org_id: 'org_demo', may: everything };

// Read at every token: a route added while the stack runs brings its permission along.
function permissions() {
  const tables = readdirSync(settings.functions)
    .map((domain) => join(settings.functions, domain, 'functions.json'))
    .filter(existsSync)
    .map((table) => JSON.parse(readFileSync(table, 'utf8')));
  const named = tables.flatMap(Object.values).map((row) => row.permission);
  return [...new Set(named)].filter((name) => name && name !== 'public').sort();
}

// Kept beside the stack, so that a token outlives a restart.
function keys() {
  if (existsSync(settings.keys)) return JSON.parse(readFileSync(settings.keys, 'utf8'));
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(jwk.n).digest('base64url').slice(0, 16);
  const made = {
    jwks: { keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] },
    cookies: [randomBytes(32).toString('base64url')],
  };
  writeFileSync(settings.keys, JSON.stringify(made), { mode: 0o600 });
  return made;
}

const { jwks, cookies } = keys();
const provider = new Provider(`http://127.0.0.1:${settings.port}/`, {
  jwks,
  cookies: { keys: cookies },
  clients: [
    {
      client_id: 'machine',
      client_secret: settings.machine_secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'cli',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      redirect_uris: ['http://127.0.0.1/callback'],
    },
  ],
  // Auth0's paths.
  routes: {
    authorization: '/authorize',
    token: '/oauth/token',
    jwks: '/.well-known/jwks.json',
    userinfo: '/userinfo',
  },
  pkce: { required: () => true },
  findAccount: (_, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, email: id, org_id: people[id].org_id }) },
  extraTokenClaims: (_, token) => {
    const who = people[token.accountId] ?? machine;
    const granted = permissions().filter(who.may);
    return { azp: token.clientId, org_id: who.org_id, permissions: granted };
  },
  ttl: {
    AccessToken: TOKEN_SECONDS,
    ClientCredentials: TOKEN_SECONDS,
    AuthorizationCode: 60,
    IdToken: TOKEN_SECONDS,
    Interaction: 600,
    Grant: TOKEN_SECONDS,
    Session: TOKEN_SECONDS,
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: AUDIENCE,
        scope: '',
        accessTokenTTL: TOKEN_SECONDS,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

provider.on('server_error', (_, error) => console.error(error));
const server = provider.listen(settings.port, '127.0.0.1', () => console.log(`issuer ${provider.issuer}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => process.exit(0)).closeAllConnections());

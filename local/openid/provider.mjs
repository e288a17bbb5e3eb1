// An issuer that somebody else wrote, for one test: that our verifier does not only agree with
// ourselves. Settings come as JSON in PROVIDER_SETTINGS: { modules, secret, audience, claims }.
// Prints its address when it answers.

import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { modules, secret, audience, claims } = JSON.parse(process.env.PROVIDER_SETTINGS);
const resolve = createRequire(join(modules, 'here.js')).resolve;
const { Provider } = await import(pathToFileURL(resolve('oidc-provider')));

// The issuer's name holds its port, so the port must be known first.
const port = await new Promise((known) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => known(port));
  });
});
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(`http://127.0.0.1:${port}/`, {
  jwks: { keys: [{ ...key, kid: 'second', use: 'sig', alg: 'RS256' }] },
  clients: [
    {
      client_id: 'machine',
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  routes: { token: '/oauth/token', jwks: '/.well-known/jwks.json' },
  extraTokenClaims: (_, token) => ({ azp: token.clientId, ...claims }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: (_, resource) => ({
        audience: resource,
        scope: '',
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});
provider.listen(port, '127.0.0.1', () => console.log(provider.issuer));

// Stands in the bundles for @aws-sdk/credential-provider-node, which also looks for credentials in
// files and asks services for some: 107 to 134 kB of each bundle with a client of AWS. Lambda hands its
// role's over in the environment. A client that imports another name than this fails the build.
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';

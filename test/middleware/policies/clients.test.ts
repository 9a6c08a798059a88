import { policyContract } from './policy-contract.ts'

policyContract('clients', {
  rule: { deny: ['127.0.0.0/8'] },
  bad: { rule: { allow: ['10.0.0.1/8'] }, path: '$.clients.allow[0]' },
  shows: ({ answer }) => answer.status === 403 && answer.json().code === 'WG_ADDRESS_DENIED',
  onRefusals: true,
  handshake: 403,
})

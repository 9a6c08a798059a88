import { policyContract } from './policy-contract.ts'

policyContract('cors', {
  rule: { origins: ['https://app.example'] },
  bad: { rule: { origins: ['app.example'] }, path: '$.cors.origins[0]' },
  headers: { origin: 'https://app.example' },
  shows: ({ answer }) => answer.headers['access-control-allow-origin'] === 'https://app.example',
  onRefusals: true,
  handshake: 101,
})

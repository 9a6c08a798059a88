/** The examples of RFC 7541 appendix C. */

type Lines = readonly string[]

export interface Example {
  /** SETTINGS_HEADER_TABLE_SIZE. */
  readonly tableBytes: number
  /** The blocks of one connection, in hexadecimal. */
  readonly blocks: readonly string[]
  /** What each block says. */
  readonly lists: readonly Lines[]
  /** The dynamic table after each block, the newest entry first. */
  readonly tables: readonly Lines[]
}

const requests: readonly Lines[] = [
  [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
  [
    ...[':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
    ...['cache-control', 'no-cache'],
  ],
  [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
    ...['custom-key', 'custom-value'],
  ],
]
const requestTables: readonly Lines[] = [
  [':authority', 'www.example.com'],
  ['cache-control', 'no-cache', ':authority', 'www.example.com'],
  ['custom-key', 'custom-value', 'cache-control', 'no-cache', ':authority', 'www.example.com'],
]

const location = ['location', 'https://www.example.com']
const date = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT']
const nextDate = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT']
const isPrivate = ['cache-control', 'private']
const encoding = ['content-encoding', 'gzip']
const cookie = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1']

const answers: readonly Lines[] = [
  [':status', '302', ...isPrivate, ...date, ...location],
  [':status', '307', ...isPrivate, ...date, ...location],
  [':status', '200', ...isPrivate, ...nextDate, ...location, ...encoding, ...cookie],
]
const answerTables: readonly Lines[] = [
  [...location, ...date, ...isPrivate, ':status', '302'],
  [':status', '307', ...location, ...date, ...isPrivate],
  [...cookie, ...encoding, ...nextDate],
]

export const EXAMPLES: Readonly<Record<string, Example>> = {
  'C.2.1 literal with indexing': {
    tableBytes: 4096,
    blocks: ['400a637573746f6d2d6b65790d637573746f6d2d686561646572'],
    lists: [['custom-key', 'custom-header']],
    tables: [['custom-key', 'custom-header']],
  },
  'C.2.2 literal without indexing': {
    tableBytes: 4096,
    blocks: ['040c2f73616d706c652f70617468'],
    lists: [[':path', '/sample/path']],
    tables: [[]],
  },
  'C.2.3 literal never indexed': {
    tableBytes: 4096,
    blocks: ['100870617373776f726406736563726574'],
    lists: [['password', 'secret']],
    tables: [[]],
  },
  'C.2.4 indexed': { tableBytes: 4096, blocks: ['82'], lists: [[':method', 'GET']], tables: [[]] },
  'C.3 requests without Huffman': {
    tableBytes: 4096,
    blocks: [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    lists: requests,
    tables: requestTables,
  },
  'C.4 requests with Huffman': {
    tableBytes: 4096,
    blocks: [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
    lists: requests,
    tables: requestTables,
  },
  'C.5 answers without Huffman': {
    tableBytes: 256,
    blocks: [
      [
        '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54',
        '6e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      ].join(''),
      '4803333037c1c0bf',
      [
        '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d',
        '4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572',
        '73696f6e3d31',
      ].join(''),
    ],
    lists: answers,
    tables: answerTables,
  },
  'C.6 answers with Huffman': {
    tableBytes: 256,
    blocks: [
      [
        '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b',
        '97c8e9ae82ae43d3',
      ].join(''),
      '4883640effc1c0bf',
      [
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf',
        'cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      ].join(''),
    ],
    lists: answers,
    tables: answerTables,
  },
}

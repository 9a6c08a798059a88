# Calls echo.proto in every way, and prints a line of JSON for each kind of call.
#
# Usage: client.rb FOLDER_OF_GENERATED_CODE ADDRESS ROUNDS
require 'base64'
require 'grpc'
require 'json'
$LOAD_PATH.unshift(ARGV[0])
require 'echo_pb'

Echo = Waygate::Test::V1
DETAILS = Base64.decode64(ENV['DETAILS'])
SERVICE = '/waygate.test.v1.Echo/'
STUB = GRPC::ClientStub.new(
  ARGV[1], :this_channel_is_insecure,
  channel_args: { 'grpc.max_receive_message_length' => -1, 'grpc.max_send_message_length' => -1 }
)
ENCODE = ->(message) { Echo::EchoRequest.encode(message) }
DECODE = ->(bytes) { Echo::EchoReply.decode(bytes) }

def request(**fields)
  Echo::EchoRequest.new(**fields)
end

def options(seconds: 30, **rest)
  { deadline: Time.now + seconds, **rest }
end

def unary(message, **rest)
  STUB.request_response("#{SERVICE}Unary", message, ENCODE, DECODE, **options(**rest))
end

def server_stream(message, **rest)
  STUB.server_streamer("#{SERVICE}ServerStream", message, ENCODE, DECODE, **options(**rest))
end

def equal(found, wanted)
  raise "#{found.inspect[0, 200]} is not #{wanted.inspect[0, 200]}" unless found == wanted
end

def failure
  yield
  raise 'the call did not fail'
rescue GRPC::BadStatus => e
  e
end

KINDS = {
  'unary' => lambda {
    reply = unary(request(text: 'ä☃'))
    equal(reply.text, 'ä☃')
    reply.node
  },
  'server stream' => lambda {
    replies = server_stream(request(text: 'a', count: 5)).to_a
    equal(replies.map(&:index), [0, 1, 2, 3, 4])
    replies[0].node
  },
  'client stream' => lambda {
    requests = [request(text: 'a'), request(text: 'b')]
    reply = STUB.client_streamer("#{SERVICE}ClientStream", requests, ENCODE, DECODE, **options)
    equal(reply.text, 'a,b')
    reply.node
  },
  'bidi' => lambda {
    # Each request waits for the reply to the one before.
    answered = Queue.new
    requests = Enumerator.new do |yielder|
      %w[a b c].each do |text|
        yielder << request(text: text)
        answered.pop
      end
    end
    replies = []
    STUB.bidi_streamer("#{SERVICE}Bidi", requests, ENCODE, DECODE, **options).each do |reply|
      replies << reply
      answered << true
    end
    equal(replies.map(&:text), %w[a b c])
    replies[0].node
  },
  'deadline' => lambda {
    left = unary(request, seconds: 20).deadline_ms
    equal(left.positive? && left <= 21_000, true)
    equal(failure { unary(request(delay_ms: 5_000), seconds: 0.3) }.code, GRPC::Core::StatusCodes::DEADLINE_EXCEEDED)
    nil
  },
  'cancel' => lambda {
    call = server_stream(request(count: 100, delay_ms: 50), return_op: true)
    replies = call.execute
    equal(failure { replies.each { call.cancel } }.code, GRPC::Core::StatusCodes::CANCELLED)
    nil
  },
  'status' => lambda {
    fail = { code: 5, message: 'nö 100% ☃' }
    error = failure { unary(request(fail: Echo::Failure.new(**fail))) }
    equal([error.code, error.details.dup.force_encoding('UTF-8')], [5, 'nö 100% ☃'])
    seen = 0
    call = server_stream(request(fail: Echo::Failure.new(**fail, after: 2)))
    equal(failure { call.each { seen += 1 } }.code, 5)
    equal(seen, 2)
    nil
  },
  'details' => lambda {
    fail = Echo::Failure.new(code: 5, message: 'gone', details: DETAILS)
    equal(failure { unary(request(fail: fail)) }.metadata['grpc-status-details-bin'], DETAILS)
    nil
  },
  'metadata' => lambda {
    sent = { 'x-echo-a' => 'one', 'x-echo-b-bin' => "\x00\xFF".b }
    call = unary(request, metadata: sent, return_op: true)
    reply = call.execute
    [call.metadata, call.trailing_metadata].each do |got|
      equal([got['x-echo-a'], got['x-echo-b-bin'].b], ['one', "\x00\xFF".b])
    end
    equal(reply.metadata['x-echo-b-bin'], 'AP8=')
    reply.node
  },
  'large' => lambda {
    payload = ((0..255).to_a.pack('C*') * 4 * 1024 * 3)
    reply = unary(request(payload: payload))
    equal(reply.payload == payload, true)
    reply.node
  }
}

KINDS.each do |kind, run|
  nodes = []
  error = nil
  ARGV[2].to_i.times do
    nodes << run.call
  rescue StandardError => e
    error = "#{e.class}: #{e.message}"[0, 500]
  end
  puts JSON.generate(kind: kind, error: error, nodes: nodes.compact)
  $stdout.flush
end

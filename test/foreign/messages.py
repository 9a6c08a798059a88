"""Message classes out of a descriptor set, without generated code."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def load(path):
    """Returns the message classes by full name, and the files by name."""
    with open(path, "rb") as file:
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.AddSerializedFile(file.SerializeToString())
    names = [file.name for file in descriptors.file]
    return message_factory.MessageFactory(pool).GetMessages(names), {file.name: file for file in descriptors.file}

using System.Text;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// An ONNX model of one GroupQueryAttention node (domain com.microsoft), as bytes: protocol buffers, written by hand because a message
/// is a number of (field, value) pairs. Field numbers are those of onnx.proto.
/// </summary>
internal static class OnnxModel
{
    private const int Float = 1;
    private const int Int32 = 6;
    private const int Float16 = 10;

    /// <summary>Inputs, in the node's order; the last two of the cache are left out in prefill.</summary>
    public static IReadOnlyList<string> Inputs(Work work) => work.Step == Step.Decode
        ? ["query", "key", "value", "past_key", "past_value", "seqlens_k", "total_sequence_length"]
        : ["query", "key", "value", "seqlens_k", "total_sequence_length"];

    /// <summary>Outputs, in the node's order.</summary>
    public static IReadOnlyList<string> Outputs { get; } = ["output", "present_key", "present_value"];

    /// <summary>The model for a piece of work.</summary>
    public static byte[] Create(Work work)
    {
        int type = work.Storage == ElementType.Float16 ? Float16 : Float;
        bool decode = work.Step == Step.Decode;
        var node = new Message();
        foreach (string input in (string[])["query", "key", "value", decode ? "past_key" : "", decode ? "past_value" : "", "seqlens_k", "total_sequence_length"])
        {
            node.Text(1, input);
        }

        foreach (string output in Outputs)
        {
            node.Text(2, output);
        }

        node.Text(3, "attention").Text(4, "GroupQueryAttention").Text(7, "com.microsoft")
            .Nested(5, Attribute("num_heads", work.QueryHeads)).Nested(5, Attribute("kv_num_heads", work.KvHeads))
            .Nested(5, new Message().Text(1, "scale").Single(2, (float)work.Scale).Number(20, 1))
            .Nested(5, Attribute("local_window_size", work.Window > 0 ? work.Window : -1));

        Message graph = new Message().Nested(1, node).Text(2, "attention");
        foreach (string input in Inputs(work))
        {
            graph.Nested(11, Value(input, input is "seqlens_k" or "total_sequence_length" ? Int32 : type));
        }

        foreach (string output in Outputs)
        {
            graph.Nested(12, Value(output, type));
        }

        return new Message()
            .Number(1, 8)
            .Nested(7, graph)
            .Nested(8, new Message().Text(1, "").Number(2, 17))
            .Nested(8, new Message().Text(1, "com.microsoft").Number(2, 1))
            .ToArray();
    }

    private static Message Attribute(string name, long value) => new Message().Text(1, name).Number(3, value).Number(20, 2);

    // Without a shape: the runtime takes those of the tensors.
    private static Message Value(string name, int type) => new Message().Text(1, name).Nested(2, new Message().Nested(1, new Message().Number(1, type)));

    /// <summary>A message in the making.</summary>
    private sealed class Message
    {
        private readonly MemoryStream bytes = new();

        public Message Number(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
            return this;
        }

        public Message Single(int field, float value)
        {
            Varint(((ulong)field << 3) | 5);
            Span<byte> raw = stackalloc byte[sizeof(float)];
            System.Buffers.Binary.BinaryPrimitives.WriteSingleLittleEndian(raw, value);
            bytes.Write(raw);
            return this;
        }

        public Message Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

        public Message Nested(int field, Message value) => Bytes(field, value.ToArray());

        public byte[] ToArray() => bytes.ToArray();

        private Message Bytes(int field, byte[] value)
        {
            Varint(((ulong)field << 3) | 2);
            Varint((ulong)value.Length);
            bytes.Write(value);
            return this;
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
            {
                bytes.WriteByte((byte)(value | 0x80));
            }

            bytes.WriteByte((byte)value);
        }
    }
}

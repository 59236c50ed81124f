using System.Text;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// An ONNX model of one GroupQueryAttention node (domain com.microsoft), as bytes: protocol buffers, written by hand because a message
/// is a number of (field, value) pairs. Field numbers are those of onnx.proto.
/// </summary>
internal static class OnnxModel
{
    // Element types of tensors, and a kind of attributes.
    private const int Float = 1, UInt8 = 2, Int8 = 3, Int32 = 6, Float16 = 10;
    private const int StringAttribute = 3;

    /// <summary>Inputs, in the node's order; those of the cache are left out in prefill, those of its scales where it has none.</summary>
    public static IReadOnlyList<string> Inputs(Work work) => [.. Slots(work).Where(input => input.Length > 0)];

    /// <summary>Outputs, in the node's order.</summary>
    public static IReadOnlyList<string> Outputs { get; } = ["output", "present_key", "present_value"];

    /// <summary>Whether the cache holds integers, with one scale for all keys and one for all values.</summary>
    public static bool IsQuantised(Work work) => work.CacheStorage is ElementType.Int8 or ElementType.Int4;

    /// <summary>The model for a piece of work.</summary>
    public static byte[] Create(Work work)
    {
        int type = work.Storage == ElementType.Float16 ? Float16 : Float;
        int cacheType = work.CacheStorage switch { ElementType.Int8 => Int8, ElementType.Int4 => UInt8, _ => type };
        var node = new Message();
        foreach (string input in Slots(work))
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
        if (IsQuantised(work))
        {
            node.Nested(5, Attribute("k_quant_type", "PER_TENSOR")).Nested(5, Attribute("v_quant_type", "PER_TENSOR"))
                .Nested(5, Attribute("kv_cache_bit_width", work.CacheStorage.BitsPerElement()));
        }

        Message graph = new Message().Nested(1, node).Text(2, "attention");
        foreach (string input in Inputs(work))
        {
            graph.Nested(11, Value(input, input switch
            {
                "seqlens_k" or "total_sequence_length" => Int32,
                "past_key" or "past_value" => cacheType,
                "k_scale" or "v_scale" => Float,
                _ => type,
            }));
        }

        foreach (string output in Outputs)
        {
            graph.Nested(12, Value(output, output == "output" ? type : cacheType));
        }

        return new Message()
            .Number(1, 8)
            .Nested(7, graph)
            .Nested(8, new Message().Text(1, "").Number(2, 17))
            .Nested(8, new Message().Text(1, "com.microsoft").Number(2, 1))
            .ToArray();
    }

    // An input that is left out has no name, the last ones no place.
    private static string[] Slots(Work work)
    {
        bool decode = work.Step == Step.Decode;
        return
        [
            "query", "key", "value", decode ? "past_key" : "", decode ? "past_value" : "", "seqlens_k", "total_sequence_length",
            .. IsQuantised(work) ? (string[])["", "", "", "", "", "k_scale", "v_scale"] : [],
        ];
    }

    private static Message Attribute(string name, string value) => new Message().Text(1, name).Text(4, value).Number(20, StringAttribute);

    private static Message Attribute(string name, long value) => new Message().Text(1, name).Number(3, value).Number(20, 2);

    // Without a shape: the runtime takes those of the tensors.
    private static Message Value(string name, int type) =>
        new Message().Text(1, name).Nested(2, new Message().Nested(1, new Message().Number(1, type)));

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

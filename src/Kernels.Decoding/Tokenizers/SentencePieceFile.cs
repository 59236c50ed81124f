using System.Buffers.Binary;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Reads <c>tokenizer.model</c>, a SentencePiece model in the encoding of protocol buffers.</summary>
internal static class SentencePieceFile
{
    public const string FileName = "tokenizer.model";

    private enum PieceType
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    /// <exception cref="CheckpointException">The file is not well-formed, or of a kind that there is no code for.</exception>
    public static TokenizerParts Read(string path, TokenizerSettings settings)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, "cannot be opened: " + e.Message, e);
        }

        var pieces = new List<(string Text, float Score, PieceType Type)>();
        var trainer = new Message(path, default);
        var normalizer = new Message(path, default);
        foreach (Field field in new Message(path, file).Fields())
        {
            switch (field.Number)
            {
                case 1 when field.Bytes is { } piece:
                    pieces.Add(ReadPiece(path, piece));
                    break;
                case 2 when field.Bytes is { } bytes:
                    trainer = new Message(path, bytes);
                    break;
                case 3 when field.Bytes is { } bytes:
                    normalizer = new Message(path, bytes);
                    break;
            }
        }

        if (pieces.Count == 0)
        {
            throw new CheckpointException(path, "has no tokens: it is not a SentencePiece model");
        }

        ulong model = trainer.Number(3) ?? 1;
        var added = new List<AddedToken>();
        int unknown = -1;
        foreach ((int id, (string text, _, PieceType type)) in pieces.Index())
        {
            if (type is PieceType.Control or PieceType.UserDefined or PieceType.Unknown)
            {
                added.Add(new AddedToken(text, id) { IsSpecial = type != PieceType.UserDefined });
            }

            unknown = type == PieceType.Unknown ? id : unknown;
        }

        // The settings know better which tokens are special, and of tokens beyond the file.
        foreach (AddedToken token in settings.AddedTokens)
        {
            added.RemoveAll(other => other.Content == token.Content);
            added.Add(token with { IsNormalized = false });
        }

        var vocabulary = new TokenizerVocabulary
        {
            Source = path,
            Kind = model switch
            {
                1 => TokenizerKind.Unigram,
                2 => TokenizerKind.SentencePieceBpe,
                _ =>
                    throw new CheckpointException(
                        path,
                        $"is a SentencePiece model of the type {(model == 3 ? "word" : model == 4 ? "char" : model)}, which is not "
                            + "supported; supported: unigram and bpe"),
            },
            Tokens = [.. pieces.Select(piece => piece.Text)],
            Scores = [.. pieces.Select(piece => piece.Score)],
            AddedTokens = added,
            UnknownId = unknown >= 0 ? unknown : null,
            ByteFallback = trainer.Number(35) is 1 || pieces.Any(piece => piece.Type == PieceType.Byte),
            AddsSpacePrefix = normalizer.Number(3) is not 0,
            RemovesExtraSpaces = normalizer.Number(4) is not 0,
            CharacterMap = normalizer.Bytes(2) ?? default,
        };
        TokenizerParts parts = VocabularyTokenizer.Build(vocabulary);
        return TokenizerJson.Complete(
            parts,
            settings with
            {
                BeginToken = settings.BeginToken ?? Control("<s>"),
                EndToken = settings.EndToken ?? Control("</s>"),
                AddsBegin = settings.AddsBegin ?? true,
            });

        string? Control(string text) => pieces.Exists(piece => piece.Text == text && piece.Type == PieceType.Control) ? text : null;
    }

    private static (string Text, float Score, PieceType Type) ReadPiece(string path, ReadOnlyMemory<byte> bytes)
    {
        (string text, float score, PieceType type) = ("", 0, PieceType.Normal);
        foreach (Field field in new Message(path, bytes).Fields())
        {
            switch (field.Number)
            {
                case 1 when field.Bytes is { } value:
                    text = Encoding.UTF8.GetString(value.Span);
                    break;
                case 2:
                    score = BitConverter.UInt32BitsToSingle((uint)field.Value);
                    break;
                case 3:
                    type = (PieceType)field.Value;
                    break;
            }
        }

        return (text, score, type);
    }

    private readonly record struct Field(int Number, ulong Value, ReadOnlyMemory<byte>? Bytes);

    private readonly record struct Message(string Path, ReadOnlyMemory<byte> Content)
    {
        public ulong? Number(int number) => Fields().Where(field => field.Number == number && field.Bytes is null)
            .Select(field => (ulong?)field.Value).LastOrDefault();

        public ReadOnlyMemory<byte>? Bytes(int number) =>
            Fields().LastOrDefault(field => field.Number == number && field.Bytes is not null).Bytes;

        public IEnumerable<Field> Fields()
        {
            int at = 0;
            while (at < Content.Length)
            {
                ulong key = Variable(ref at);
                int number = key >> 3 is > 0 and < 1 << 29 ? (int)(key >> 3) : throw CutOff();
                switch (key & 7)
                {
                    case 0:
                        yield return new Field(number, Variable(ref at), null);
                        break;
                    case 1:
                        yield return new Field(number, BinaryPrimitives.ReadUInt64LittleEndian(Take(ref at, 8).Span), null);
                        break;
                    case 2:
                        yield return new Field(number, 0, Take(ref at, Variable(ref at)));
                        break;
                    case 5:
                        yield return new Field(number, BinaryPrimitives.ReadUInt32LittleEndian(Take(ref at, 4).Span), null);
                        break;
                    default:
                        throw CutOff();
                }
            }
        }

        private ReadOnlyMemory<byte> Take(ref int at, ulong length)
        {
            if (length > (ulong)(Content.Length - at))
            {
                throw CutOff();
            }

            ReadOnlyMemory<byte> taken = Content.Slice(at, (int)length);
            at += (int)length;
            return taken;
        }

        private ulong Variable(ref int at)
        {
            ulong value = 0;
            for (int shift = 0; shift < 64; shift += 7)
            {
                byte part = Take(ref at, 1).Span[0];
                value |= (ulong)(part & 0x7F) << shift;
                if (part < 0x80)
                {
                    return value;
                }
            }

            throw CutOff();
        }

        private CheckpointException CutOff() => new(Path, "is not a SentencePiece model, or is cut off");
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text;

namespace Decoders;

/// <summary>Writes a text as tokens.</summary>
internal static class TokenizeCommand
{
    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = "Folder with a tokenizer.", HelpName = "DIR", Required = true };
        var text = new Argument<string>("text") { Description = "The text.", HelpName = "TEXT" };
        var ids = new Option<bool>("--ids") { Description = "Print the ids alone, with spaces between." };
        var noSpecial = new Option<bool>("--no-special")
        {
            Description = "Leave out the tokens that the tokenizer puts before and after a prompt.",
        };
        var command = new Command("tokenize", "Writes a text as tokens: an id and its piece a line.") { model, text, ids, noSpecial };
        command.SetBody((result, output, _) =>
        {
            TextTokenizer tokenizer = TextTokenizer.Load(result.GetRequiredValue(model));
            int[] tokens = tokenizer.Encode(result.GetRequiredValue(text), addSpecialTokens: !result.GetValue(noSpecial));
            if (result.GetValue(ids))
            {
                output.WriteLine(string.Join(' ', tokens.Select(id => id.ToString(CultureInfo.InvariantCulture))));
                return 0;
            }

            foreach (int id in tokens)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{id}\t{Quote(tokenizer.Bytes(id).Span)}"));
            }

            return 0;
        });
        return command;
    }

    /// <summary>The text of bytes in quotation marks; what cannot be printed, or is part of a character, escaped.</summary>
    private static string Quote(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("\"");
        while (!bytes.IsEmpty)
        {
            bool isWhole = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == System.Buffers.OperationStatus.Done;
            if (!isWhole)
            {
                foreach (byte part in bytes[..length])
                {
                    text.Append(CultureInfo.InvariantCulture, $"\\x{part:X2}");
                }
            }
            else
            {
                text.Append(rune.Value switch
                {
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    _ when Rune.IsControl(rune) => string.Create(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}"),
                    _ => rune.ToString(),
                });
            }

            bytes = bytes[length..];
        }

        return text.Append('"').ToString();
    }
}

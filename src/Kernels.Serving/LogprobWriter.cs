using System.Text;
using System.Text.Json.Nodes;

namespace Kernels.Serving;

/// <summary>Writes how likely tokens were, as completions and chats tell it.</summary>
internal sealed class LogprobWriter(TextTokenizer tokenizer, bool chat)
{
    private int offset;

    /// <summary>The figures of some tokens of a text, after those that were written before.</summary>
    public JsonObject Write(IEnumerable<TokenLogprobs> tokens)
    {
        if (chat)
        {
            return new JsonObject
            {
                ["content"] = new JsonArray([.. tokens.Select(figures =>
                {
                    JsonObject token = Token(figures.Token, figures.Logprob);
                    token["top_logprobs"] = new JsonArray([.. figures.Top.Select(top => (JsonNode)Token(top.Token, top.Logprob))]);
                    return (JsonNode)token;
                })]),
                ["refusal"] = null,
            };
        }

        var texts = new JsonArray();
        var own = new JsonArray();
        var top = new JsonArray();
        var offsets = new JsonArray();
        foreach (TokenLogprobs figures in tokens)
        {
            string text = Text(figures.Token);
            texts.Add((JsonNode)text);
            own.Add((JsonNode)figures.Logprob);
            var likeliest = new JsonObject();
            foreach ((int token, double logprob) in figures.Top)
            {
                likeliest[Text(token)] = logprob;
            }

            top.Add((JsonNode)likeliest);
            offsets.Add((JsonNode)offset);
            offset += text.Length;
        }

        return new JsonObject { ["tokens"] = texts, ["token_logprobs"] = own, ["top_logprobs"] = top, ["text_offset"] = offsets };
    }

    private JsonObject Token(int token, double logprob) => new()
    {
        ["token"] = Text(token),
        ["logprob"] = logprob,
        ["bytes"] = new JsonArray([.. TokenText.Bytes(tokenizer, token).ToArray().Select(b => (JsonNode)(int)b)]),
    };

    private string Text(int token) => Encoding.UTF8.GetString(TokenText.Bytes(tokenizer, token));
}

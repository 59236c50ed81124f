namespace Kernels.Serving.Tests;

public sealed class ReplyParserTests
{
    [Theory]
    [InlineData("Hello there.", "Hello there.", "")]
    [InlineData("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>", "", "f{\"a\": 1}")]
    [InlineData(
        "Let me see. "
            + "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":{\"b\":\"</x>\"}}</tool_call>", "Let me see.", "f{} g{\"b\":\"</x>\"}")]
    [InlineData("<tool_call>{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":2}\"}</tool_call>", "", "f{\"a\":2}")]
    [InlineData("<tool_call>{\"name\":\"f\",\"arguments\":{}}", "", "f{}")]
    [InlineData("<tool_call>nothing</tool_call> more", "<tool_call>nothing</tool_call> more", "")]
    [InlineData("a < b <tool", "a < b <tool", "")]
    [InlineData("{\"name\": \"f\", \"parameters\": {\"a\": [1]}}", "", "f{\"a\": [1]}")]
    [InlineData("<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}", "", "f{} g{}")]
    [InlineData("{\"name\": \"unknown\", \"parameters\": {}}", "{\"name\": \"unknown\", \"parameters\": {}}", "")]
    [InlineData("{\"name\": \"f\"", "{\"name\": \"f\"", "")]
    [InlineData("[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": 1}}, {\"name\": \"g\", \"arguments\": {}}]", "", "f{\"a\": 1} g{}")]
    [InlineData("[TOOL_CALLS] what?", "[TOOL_CALLS] what?", "")]
    [InlineData("", "", "")]
    public void FindsCallsHoweverTheTextIsCut(string reply, string text, string calls)
    {
        var random = new Random(1);
        for (int round = 0; round < 40; round++)
        {
            var parser = new ReplyParser(["f", "g"]);
            var parts = new List<ReplyPart>();
            for (int start = 0; start < reply.Length;)
            {
                int length = round == 0 ? reply.Length : random.Next(1, Math.Min(8, reply.Length - start + 1));
                length = Math.Min(length, reply.Length - start);
                parts.AddRange(parser.Push(reply.Substring(start, length)));
                start += length;
            }

            parts.AddRange(parser.Finish());
            Assert.Equal(text, string.Concat(parts.Select(part => part.Text)));
            Assert.Equal(
                calls, string.Join(' ', parts.Where(part => part.Call is not null).Select(part => part.Call!.Name + part.Call.Arguments)));
        }
    }

    [Fact]
    public void WithoutToolsAllIsText()
    {
        var parser = new ReplyParser([]);
        Assert.Equal("<tool_call>{}", Assert.Single(parser.Push("<tool_call>{}")).Text);
        Assert.Empty(parser.Finish());
    }

    [Fact]
    public void LeavesFurtherCallsOut()
    {
        var parser = new ReplyParser(["f"], most: 1);
        Assert.Single(
            parser.Push(
                "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call><tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>"));
        Assert.True(parser.IsFull);
    }
}

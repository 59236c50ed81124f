using Xunit;

namespace Decoders.Tests;

[Collection(DeviceCollection.Name)]
public sealed class ChatCommandTests(Devices devices)
{
    private static readonly string Stories = TestData.Folder("stories-gqa");

    [SkippableFact]
    public async Task AnswersLinesAndKeepsItsCacheBetweenThem()
    {
        devices.OpenFirst();
        (int code, string output, string error) = await Run(
            "One morning Mia\n\n  \nThen she\n/exit\nnever read\n", "--system", "Tell a story.", "--tokens", "24", "--verbose");

        Assert.Equal((0, ""), (code, error));
        string[] lines = output.Split('\n');
        int first = Encoded("system: Tell a story.\nuser: One morning Mia\nassistant:") + 1;
        Assert.Contains($"prompt: {first} tokens, 0 of them in the cache", lines);
        string reply = lines[0].Replace("> ", "", StringComparison.Ordinal);

        // All that was run of the first turn: its prompt and 23 of 24 tokens.
        int second = Encoded($"system: Tell a story.\nuser: One morning Mia\nassistant:{reply}\nuser: Then she\nassistant:") + 1;
        Assert.Contains($"prompt: {second} tokens, {first + 23} of them in the cache", lines);
        Assert.Equal(2, lines.Count(line => line.StartsWith("prompt:", StringComparison.Ordinal)));

        // What the cache holds is what a conversation from the start would have computed.
        (_, string again, _) = await Run("One morning Mia\nThen she\n", "--system", "Tell a story.", "--tokens", "24", "--cache", "paged");
        Assert.Equal(
            lines.Where(line => line.Length > 0 && !line.StartsWith("prompt:", StringComparison.Ordinal)), again.Split('\n')
                .Where(line => line.Length > 0));
    }

    [SkippableFact]
    public async Task RendersWithTheModelsTemplateAndItsVariables()
    {
        devices.OpenFirst();
        using var folder = new TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(Stories))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }

        folder.Write(
            "chat_template.jinja",
            "{{ bos_token }}{% for m in messages %}{% if m.content == 'stop' %}{{ raise_exception('No more.') }}{% endif %}{{ m.content "
                + "}}{% endfor %}{{ tail }}{{ n + 1 }}");
        (int code, string output, string error) = await RunIn(
            folder.Path, "Mia\n", "--tokens", "4", "--verbose", "--set", "tail=ab", "--set", "n=41");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains($"prompt: {Encoded("Miaab42") + 1} tokens, 0 of them in the cache", output, StringComparison.Ordinal);

        (code, _, error) = await RunIn(folder.Path, "Mia\nstop\n", "--tokens", "4", "--set", "n=1");
        Assert.Equal((CommandRunner.UserError, "ChatTemplateException: No more.\n"), (code, error));

        folder.Write("chat_template.jinja", "{% if %}");
        (code, _, error) = await RunIn(folder.Path, "Mia\n");
        Assert.Equal(CommandRunner.UserError, code);
        Assert.Contains("chat_template.jinja: line 1 of the chat template:", error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task EndsWhereTheContextEnds()
    {
        devices.OpenFirst();
        (int code, string output, string error) = await Run("One morning Mia\nThen she\n", "--context", "20", "--tokens", "100");

        Assert.Equal(CommandRunner.UserError, code);
        Assert.NotEmpty(output.Trim());
        Assert.Matches(@"^The conversation has \d+ tokens now; the context has 20\.", error);
    }

    [Theory]
    [InlineData("--set is 'x', not NAME=VALUE.", "--set", "x")]
    [InlineData("--set gives 'x' twice.", "--set", "x=1", "--set", "x=2")]
    [InlineData("--tokens is '0', not a number from 1.", "--tokens", "0")]
    [InlineData("--top-p is '2', not a probability over 0.", "--top-p", "2")]
    public async Task RefusesWrongOptions(string message, params string[] arguments)
    {
        (int code, _, string error) = await Run("", arguments);

        Assert.Equal(CommandRunner.UserError, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    private static int Encoded(string text) => EngineFixture.Tokenizer.Encode(text).Length;

    private static Task<(int Code, string Output, string Error)> Run(string input, params string[] arguments) =>
        RunIn(Stories, input, arguments);

    private static async Task<(int Code, string Output, string Error)> RunIn(string folder, string input, params string[] arguments)
    {
        TextReader console = Console.In;
        Console.SetIn(new StringReader(input));
        try
        {
            using var output = new StringWriter { NewLine = "\n" };
            using var error = new StringWriter { NewLine = "\n" };
            int code = await CommandRunner.RunAsync(["chat", "--model", folder, .. arguments], output, error);
            return (code, output.ToString(), error.ToString());
        }
        finally
        {
            Console.SetIn(console);
        }
    }
}

using System.CommandLine;

namespace Decoders;

/// <summary>The options that say how tokens are drawn.</summary>
internal sealed class SamplingArguments
{
    private readonly Option<double> temperature = new("--temperature")
    {
        Description = "0 always takes the likeliest token; 1 draws by the model's probabilities.",
        HelpName = "T",
        CustomParser = result => CommandRunner.ParseNumber<double>(result, t => t >= 0 && double.IsFinite(t), "a number from 0"),
    };

    private readonly Option<int?> topK = new("--top-k")
    {
        Description = "Draw from the K likeliest tokens only.",
        HelpName = "K",
        CustomParser = result => CommandRunner.ParseNumber<int>(result, k => k >= 1, "a number from 1"),
    };

    private readonly Option<double> topP = new("--top-p")
    {
        Description = "Draw from the likeliest tokens that reach this probability together only.",
        HelpName = "P",
        DefaultValueFactory = _ => 1,
        CustomParser = result => CommandRunner.ParseNumber<double>(result, p => p is > 0 and <= 1, "a probability over 0"),
    };

    private readonly Option<int?> seed = new("--seed")
    {
        Description = "The same seed draws the same text; by default another one each time.",
        HelpName = "SEED",
        CustomParser = result => CommandRunner.ParseNumber<int>(result, _ => true, "a whole number"),
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[temperature, topK, topP, seed])
        {
            command.Add(option);
        }
    }

    /// <summary>What the options say.</summary>
    public SamplingOptions Read(ParseResult result) => new()
    {
        Temperature = result.GetValue(temperature),
        TopK = result.GetValue(topK),
        TopP = result.GetValue(topP),
        Seed = result.GetValue(seed),
    };
}

# Completion of hobnob's command lines in PowerShell 7. hobnob itself knows what fits: the first line that it prints says of
# what kind, each other one is a value, and behind a tab what it means. Where nothing is offered, PowerShell offers files.

Register-ArgumentCompleter -Native -CommandName hobnob -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } })
    if (-not $wordToComplete) { $words += '' }
    $kind, $found = @(& $words[0] __complete words @words 2>$null)
    foreach ($line in $found) {
        $value, $about = $line -split "`t", 2
        $text = if ($value -match '[\s''";]') { "'" + $value.Replace("'", "''") + "'" } else { $value }
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}
